"""A database that changes its password while it is used, and the secret that tells the new one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from tests.support.postgres import fresh_database
from uploads.config import ConfigurationError, Settings
from uploads.documents.errors import RecordsUnavailable
from uploads.records import migrate
from uploads.records.sql import SqlRecords

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-1a2b-3c4d"
# Whom the server asks for a password; everybody else of these tests it trusts.
KEEPER = "keeper"
HBA = f"host all {KEEPER} all scram-sha-256\nhost all all all trust\n"


class Vault(ThreadingHTTPServer):
    """As much of Secrets Manager as one call of it; counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.secret = "{}"
        self.asked: list[dict[str, str]] = []

    def keep(self, password: str) -> None:
        self.secret = json.dumps({"username": KEEPER, "password": password})


class _Answers(BaseHTTPRequestHandler):
    server: Vault

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
        assert "/eu-central-1/secretsmanager/" in self.headers["Authorization"]
        self.server.asked.append(asked)
        body = json.dumps({"ARN": ARN, "SecretString": self.server.secret}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    with Vault() as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{made.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "role")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "role")
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


class Database:
    """One whose owner must know the password; `change` gives it another."""

    def __init__(self, base_url: str) -> None:
        self._base = make_url(fresh_database(base_url))
        plain = self._base.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connect = lambda: psycopg.connect(plain, autocommit=True)
        with self._connect() as connection:
            if not connection.execute(
                "SELECT 1 FROM pg_roles WHERE rolname = %s", [KEEPER]
            ).fetchone():
                connection.execute(f"CREATE ROLE {KEEPER} LOGIN SUPERUSER")
            (path,) = connection.execute("SELECT current_setting('hba_file')").fetchone() or ()
            lines = [(line,) for line in HBA.splitlines()]
            connection.execute("CREATE TEMPORARY TABLE hba (line text)")
            connection.cursor().executemany("INSERT INTO hba VALUES (%s)", lines)
            connection.execute(sql.SQL("COPY hba TO {}").format(sql.Literal(path)))
            connection.execute("SELECT pg_reload_conf()")
        self.change()

    @property
    def url(self) -> str:
        found = self._base.set(username=None).update_query_dict({"password_secret": ARN})
        return found.render_as_string(hide_password=False)

    def change(self) -> str:
        """Returns the new password."""
        password = uuid4().hex
        with self._connect() as connection:
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(KEEPER), sql.Literal(password)
                )
            )
        self.password = password
        return password

    def end_sessions(self) -> None:
        """As when the server moves to its other zone."""
        with self._connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
                [KEEPER],
            )


@pytest.fixture
def changing(postgresql: str) -> Iterator[Database]:
    made = Database(postgresql)
    yield made
    made.end_sessions()


@pytest.fixture
def opened(changing: Database, vault: Vault) -> Iterator[Callable[..., SqlRecords]]:
    vault.keep(changing.password)
    made: list[SqlRecords] = []

    def open_one() -> SqlRecords:
        made.append(SqlRecords(changing.url, attempts=2, pause=lambda _: None))
        return made[-1]

    yield open_one
    for records in made:
        records.close()


def test_user_and_password_come_out_of_the_secret_and_are_asked_for_once(
    opened: Callable[..., SqlRecords], changing: Database, vault: Vault
) -> None:
    assert migrate.upgrade(changing.url)
    assert vault.asked == [{"SecretId": ARN}]
    records = opened()
    for _ in range(3):
        records.ready()
        records.close()
    assert len(vault.asked) == 2


def test_a_changed_password_is_learned_when_the_old_one_is_refused(
    opened: Callable[..., SqlRecords], changing: Database, vault: Vault
) -> None:
    """Open connections go on, and nobody is told that anything was the matter."""
    migrate.upgrade(changing.url)
    records = opened()
    records.ready()
    vault.keep(changing.change())
    asked = len(vault.asked)
    records.ready()
    assert len(vault.asked) == asked
    changing.end_sessions()
    records.ready()
    assert len(vault.asked) == asked + 1


def test_where_there_is_no_newer_password_the_database_is_unavailable(
    opened: Callable[..., SqlRecords], changing: Database, vault: Vault
) -> None:
    """The moment in which the database has it and the secret does not yet; then all is well."""
    migrate.upgrade(changing.url)
    records = opened()
    newer = changing.change()
    with pytest.raises(RecordsUnavailable) as raised:
        records.ready()
    assert json.loads(vault.secret)["password"] not in str(raised.getrepr(style="long"))
    vault.keep(newer)
    records.ready()


@pytest.mark.parametrize("secret", ["no JSON, but secret", '{"username": "keeper"}', "[1]"])
def test_a_secret_without_user_and_password_tells_nobody_what_it_holds(
    opened: Callable[..., SqlRecords], vault: Vault, secret: str
) -> None:
    vault.secret = secret
    with pytest.raises(RecordsUnavailable) as raised:
        opened().ready()
    told: BaseException | None = raised.value
    while told is not None:
        assert "no JSON" not in str(told)
        told = told.__cause__ or told.__context__


def test_without_secrets_manager_the_database_is_unavailable(
    opened: Callable[..., SqlRecords], vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(RecordsUnavailable):
        opened().ready()
    assert vault.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://db/uploads?password_secret=",
        "postgresql+psycopg://db/uploads?password_secret=rds",
        f"postgresql+psycopg://uploads:hunter2@db/uploads?password_secret={ARN}",
    ],
)
def test_what_names_no_secret_stops_the_start(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPLOADS_DATABASE_URL", address)
    with pytest.raises(
        ConfigurationError, match=r"UPLOADS_DATABASE_URL.*password_secret"
    ) as raised:
        Settings.load()
    assert "hunter2" not in str(raised.value)
