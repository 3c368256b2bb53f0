"""The doctor: no look hides another, each is seen to fail once, the exit code is of the worst."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from redis import Redis
from werkzeug.serving import make_server

from tests.support import tls
from tests.support.fake_clamd import daemon, read_stream
from tests.support.ports import free_port
from tests.support.sqlite import migrated_sqlite
from uploads import clock
from uploads.app import create_app
from uploads.config import Settings
from uploads.documents.errors import RecordsUnavailable
from uploads.wiring import build
from workers.cli import main
from workers.doctor import broker, clocks, database, engines, proxy, room
from workers.doctor.checkup import Look, examine, said
from workers.doctor.findings import Finding, State, exit_code
from workers.doctor.rounds import all_looks
from workers.sandbox.parent import Cell, CellOpen

OK, GAP, DEGRADED, BROKEN = State.OK, State.GAP, State.DEGRADED, State.BROKEN


def tried(looks: list[Look], *names: str) -> dict[str, Finding]:
    chosen = [look for look in looks if look.name in names or not names]
    return {found.name: found for found in examine(chosen, lambda _: None)}


def test_no_look_hides_what_others_have_to_say() -> None:
    """One hangs, one raises, one has lost its thread: the others are heard, in their order."""

    def raises() -> Finding:
        raise ValueError("password=hunter2 is wrong\nand more")

    def leaves() -> Finding:
        raise SystemExit(3)

    def fine() -> Finding:
        return Finding("a", "fine", OK, "")

    never = threading.Event()
    hangs = Look("a", "hangs", never.wait, 0.1)  # type: ignore[arg-type]
    looks = [hangs, *(Look("a", one.__name__, one, 60) for one in (raises, leaves, fine))]
    begun: list[str] = []
    found = list(examine(looks, lambda look: begun.append(look.name)))
    never.set()
    assert begun == [one.name for one in found] == ["hangs", "raises", "leaves", "fine"]
    assert [one.state for one in found] == [BROKEN, BROKEN, BROKEN, OK]
    assert found[0].found == "no answer within 0.1 seconds"


def test_what_an_error_says_holds_no_credential() -> None:
    assert said(ValueError("http://h/x?X-Amz-Signature=abcdef0123 failed")).count("abcdef") == 0
    assert said(RecordsUnavailable("no route to host")) == "no route to host"


def test_the_exit_code_is_that_of_the_worst() -> None:
    codes = [
        exit_code(Finding("a", "b", state, "") for state in some)
        for some in ([], [OK, GAP], [DEGRADED, OK], [DEGRADED, BROKEN, GAP])
    ]
    assert codes == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ("seconds", "state"), [(4, OK), (-4, OK), (10, DEGRADED), (-10, DEGRADED), (301, BROKEN)]
)
def test_clocks_that_are_apart_are_seen(seconds: int, state: State) -> None:
    now = clock.now()
    assert clocks.compare("a", now + timedelta(seconds=seconds), now, now).state is state


def test_a_database_is_looked_at(tmp_path: Path) -> None:
    good = migrated_sqlite(tmp_path / "a.db")
    assert {one.state for one in tried(database.looks(good)).values()} == {OK}
    (tmp_path / "empty.db").touch()
    old = tried(database.looks(f"sqlite:///{tmp_path / 'empty.db'}"), "schema", "reach")
    assert (old["schema"].state, old["reach"].state) == (BROKEN, OK)
    missing = tmp_path / "none.db"
    assert tried(database.looks(f"sqlite:///{missing}"))["reach"].state is BROKEN
    assert not missing.exists(), "looking makes nothing"
    nobody = f"postgresql+psycopg://u:hunter2@127.0.0.1:{free_port()}/d"
    away = tried(database.looks(nobody))
    assert {one.state for one in away.values()} == {BROKEN}
    assert "hunter2" not in str(away)


def test_redis_is_looked_at(redis_url: str) -> None:
    assert {one.state for one in tried(broker.looks(redis_url)).values()} == {OK}
    with Redis.from_url(redis_url) as redis:
        assert redis.keys("uploads:doctor:*") == []
        redis.config_set("maxmemory-policy", "allkeys-lru")
        redis.config_set("maxmemory", "1mb")
        redis.acl_setuser(
            "poor",
            enabled=True,
            passwords=["+pw"],
            keys=["*"],
            commands=["+@all", "-eval", "-lpush"],
        )
        try:
            full = tried(broker.looks(redis_url), "policy", "memory")
            poor = tried(broker.looks(redis_url.replace("unix://", "unix://poor:pw@")), "rights")
        finally:
            redis.config_set("maxmemory", "0")
            redis.config_set("maxmemory-policy", "noeviction")
            redis.acl_deluser("poor")
    assert {one.state for one in full.values()} == {DEGRADED}
    assert (poor["rights"].state, poor["rights"].found) == (BROKEN, "may not EVAL, LPUSH")
    nobody = tried(broker.looks(f"redis://:hunter2@127.0.0.1:{free_port()}/0"))
    assert {one.state for one in nobody.values()} == {BROKEN}
    assert "hunter2" not in str(nobody)


def test_room_is_looked_at(tmp_path: Path) -> None:
    def states(**given: Any) -> dict[str, State]:
        settings = Settings(data=tmp_path, scratch=tmp_path / "scratch", **given)
        found = tried(room.looks(settings))
        return {Path(name).name: one.state for name, one in found.items()}

    here = tmp_path.name
    assert states() == {here: OK, "scratch": GAP}
    (tmp_path / "scratch").mkdir()
    assert states(max_bytes_by_type="zip=90000GiB") == {here: OK, "scratch": DEGRADED}
    assert states(disk_reserve_bytes=1 << 60) == {here: BROKEN, "scratch": BROKEN}


def test_a_rule_of_the_operator_that_does_not_compile_is_found(tmp_path: Path) -> None:
    (tmp_path / "own.yar").write_text("rule Own {\n  condition: nonsense\n}")
    given = tried(engines.looks(Settings(clamd="off", yara_rules=tmp_path)), "yara")["yara"]
    assert (given.state, "own.yar, line 2: unknown" in given.found) == (BROKEN, True)


def test_an_open_cell_and_one_without_locks_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    given = tried(engines.looks(Settings(clamd="off", cell="unconfined")), "self-test", "reach")
    assert (given["self-test"].state, given["reach"].state) == (DEGRADED, DEGRADED)

    def succeeds(_: Cell) -> None:
        raise CellOpen("the cell is open: socket")

    monkeypatch.setattr(Cell, "self_test", succeeds)
    looks = engines.looks(Settings(clamd="off", env="production"))
    found = tried(looks, "self-test", "reach")
    assert (found["self-test"].state, found["reach"].state) == (BROKEN, BROKEN)
    assert "socket" in found["self-test"].found


def test_where_only_web_runs_the_rest_is_tried_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "workers.doctor.engines", None)
    keys = {"s3_access_key": "a", "s3_secret_key": "b", "s3_endpoint": "http://127.0.0.1:9"}
    looks = all_looks(Settings(data=tmp_path, **keys))
    (one,) = tried([look for look in looks if look.part == "engines"]).values()
    assert (one.state, one.follows) == (GAP, "run the doctor where workers run")
    assert {"database", "redis", "store"} <= {look.part for look in looks}


def test_a_scanner_that_finds_nothing_is_seen() -> None:
    """It says OK to all: to the canary, and to what lies at the end of a large file."""

    def fine(peer: Any) -> None:
        read_stream(peer)
        peer.sendall(b"stream: OK\0")

    version = b"ClamAV 1.4.6/27461/Thu Nov 19 08:24:27 2020\0"
    with daemon(fine, version) as address:
        settings = Settings(clamd=address, max_file_bytes=1 << 20, archive_bytes=1 << 22)
        found = tried(engines.looks(settings), "reach", "canary", "signatures", "limits")
        assert [one.state for one in found.values()] == [OK, BROKEN, DEGRADED, DEGRADED]
        strict = settings.model_copy(update={"env": "production", "signature_hold": True})
        found = tried(engines.looks(strict), "signatures", "limits")
        assert {one.state for one in found.values()} == {BROKEN}
    silent = tried(engines.looks(settings), "reach", "canary")
    assert {one.state for one in silent.values()} == {BROKEN}


@contextmanager
def served(tmp_path: Path, **given: Any) -> Iterator[Settings]:
    """The real app on a port of its own, without a proxy before it."""
    port = free_port()
    settings = Settings(
        data=tmp_path,
        port=port,
        database_url=migrated_sqlite(tmp_path / "served.db"),
        s3_endpoint="http://127.0.0.1:9",
        s3_access_key="x",
        s3_secret_key="x",
        secret_key="s" * 32,
        clamd="off",
        **given,
    )
    services = build(settings)
    server = make_server("127.0.0.1", port, create_app(services), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield settings
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        services.records.close()  # type: ignore[attr-defined]


def test_the_way_in_is_looked_at(tmp_path: Path, redis_url: str) -> None:
    with served(tmp_path, redis_url=redis_url) as settings:
        found = tried(proxy.looks(settings))
        assert {one.state for one in found.values()} == {OK}, found
        other = settings.model_copy(update={"content_url": settings.public_url})
        assert tried(proxy.looks(other), "content")["content"].state is BROKEN
        tls = settings.model_copy(update={"public_url": f"https://127.0.0.1:{settings.port}"})
        behind = tried(proxy.looks(tls), "app", "client address")
        assert {one.state for one in behind.values()} == {DEGRADED}
    gone = tried(proxy.looks(settings), "app", "content", "client address")
    assert {one.state for one in gone.values()} == {DEGRADED}


def test_a_certificate_that_nobody_knows_is_named(tmp_path: Path, redis_url: str) -> None:
    """It is no reason to say that nobody answers, nor that other names are refused."""
    shown = tls.certificates(tmp_path)["app"]
    with tls.in_front_of(redis_url.removeprefix("unix://"), shown) as port:
        address = f"https://localhost:{port}"
        settings = Settings(data=tmp_path, public_url=address, content_url="https://127.0.0.1:9")
        found = tried(proxy.looks(settings), "app", "content", "other names")
    for name in ("app", "other names"):
        assert found[name].state is DEGRADED
        assert "not accepted here: self-signed certificate" in found[name].found
    assert found["content"].found.startswith("https://127.0.0.1:9 cannot be reached from here (")


def test_whoever_believes_what_clients_claim_is_seen(tmp_path: Path, redis_url: str) -> None:
    """Told of a proxy that there is not, the service believes everybody's X-Forwarded-For."""
    with served(tmp_path, redis_url=redis_url, trusted_proxies=1) as settings:
        found = tried(proxy.looks(settings), "client address")["client address"]
    assert (found.state, found.found) == (BROKEN, "a client may claim any address")


def test_a_configuration_that_is_none_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For people and for programs; and the store needs no more than its own settings."""
    monkeypatch.setenv("UPLOADS_DATA", str(tmp_path))
    result = CliRunner().invoke(main, ["doctor"])
    assert (result.exit_code, "No stack was ever started" in result.stdout) == (2, True)
    result = CliRunner().invoke(main, ["doctor", "--store", "--json"])
    told = json.loads(result.stdout)
    assert (result.exit_code, told["status"], told["grants"]) == (2, "broken", False)
    assert "UPLOADS_S3_ENDPOINT" in told["findings"][0]["found"]
    for name, value in (
        ("ENDPOINT", "http://127.0.0.1:9"),
        ("ACCESS_KEY", "a"),
        ("SECRET_KEY", "b"),
    ):
        monkeypatch.setenv(f"UPLOADS_S3_{name}", value)
    monkeypatch.setattr("workers.cli.doctor.store_looks", lambda _: [])
    told = json.loads(CliRunner().invoke(main, ["doctor", "--store", "--json"]).stdout)
    assert [one["name"] for one in told["findings"]] == ["settings", "grants"]
