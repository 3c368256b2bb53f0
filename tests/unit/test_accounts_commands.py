"""`uploads users` and `uploads keys`, as an operator and a script see them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result

from tests.support.sqlite import migrated_sqlite
from uploads.documents.errors import Unauthenticated
from uploads.records.sql import SqlRecords
from uploads.security.accounts import Accounts
from workers.cli import main
from workers.cli.keys import keys
from workers.cli.users import users
from workers.embedded.stack_env import given_settings, write_stack_env

Run = Callable[..., Result]
SCOPES = ("--scope", "documents:read", "--scope", "documents:write")


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    records = SqlRecords(migrated_sqlite(tmp_path / "accounts.db"))
    yield Accounts(records, hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    records.close()


@pytest.fixture
def run(accounts: Accounts) -> Run:
    groups = {"users": users, "keys": keys}

    def run_one(*words: str, given: str = "") -> Result:
        return CliRunner().invoke(groups[words[0]], list(words[1:]), obj=accounts, input=given)

    return run_one


def last_line(result: Result) -> str:
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()[-1]


def test_a_generated_password_stands_alone_on_stdout(run: Run, accounts: Accounts) -> None:
    result = run("users", "create", "ann@example.org")
    assert result.stdout == last_line(result) + "\n"
    accounts.sign_in("ann@example.org", last_line(result))
    reset = last_line(run("users", "reset-password", "ann@example.org"))
    accounts.sign_in("ann@example.org", reset)
    with pytest.raises(Unauthenticated):
        accounts.sign_in("ann@example.org", last_line(result))


def test_a_password_can_come_from_standard_input_and_is_not_repeated(
    run: Run, accounts: Accounts
) -> None:
    given = " with spaces at both ends "
    result = run("users", "create", "ann@example.org", "--password-stdin", given=given + "\r\n")
    assert result.exit_code == 0
    assert given.strip() not in result.output
    accounts.sign_in("ann@example.org", given)
    again = run(
        "users",
        "reset-password",
        "ann@example.org",
        "--password-stdin",
        given="a new one, longer\n",
    )
    assert again.exit_code == 0
    accounts.sign_in("ann@example.org", "a new one, longer")


def test_users_are_listed_disabled_and_enabled(run: Run) -> None:
    run("users", "create", "ann@example.org")
    run("users", "create", "boss@example.org", "--admin")
    assert run("users", "disable", "ann@example.org").exit_code == 0
    rows = json.loads(run("users", "list", "--json").stdout)
    assert [(row["email"], row["role"]) for row in rows] == [
        ("ann@example.org", "user"),
        ("boss@example.org", "admin"),
    ]
    assert rows[0]["disabled_at"].endswith("Z")
    assert rows[1]["disabled_at"] is None
    assert set(rows[0]) == {"id", "email", "role", "created_at", "disabled_at"}
    assert "disabled" in run("users", "list").stdout.splitlines()[0]
    run("users", "enable", "ann@example.org")
    assert "disabled" not in run("users", "list").stdout


def test_a_keys_text_stands_alone_on_stdout_and_works(run: Run, accounts: Accounts) -> None:
    run("users", "create", "ann@example.org")
    result = run("keys", "create", "--user", "ann@example.org", *SCOPES)
    assert result.stdout == last_line(result) + "\n"
    actor = accounts.key_actor(last_line(result))
    assert actor is not None
    assert actor.email == "ann@example.org"


def test_keys_are_listed_without_secrets_and_revoked(run: Run, accounts: Accounts) -> None:
    for name in ("ann", "bob"):
        run("users", "create", f"{name}@example.org")
    text = last_line(run("keys", "create", "--user", "ann@example.org", "--name", "ci", *SCOPES))
    run("keys", "create", "--user", "bob@example.org", *SCOPES)
    assert len(json.loads(run("keys", "list", "--json").stdout)) == 2
    listed = run("keys", "list", "--user", "ann@example.org", "--json")
    (row,) = json.loads(listed.stdout)
    assert (row["user"], row["name"]) == ("ann@example.org", "ci")
    assert row["scopes"] == ["documents:read", "documents:write"]
    secret = text.split(".")[2]
    assert secret not in listed.output + run("keys", "list").output
    assert run("keys", "revoke", row["id"]).exit_code == 0
    assert accounts.key_actor(text) is None
    assert "revoked" in run("keys", "list").stdout


@pytest.mark.parametrize(
    "words",
    [
        ("users", "create", "nobody"),
        ("users", "create", "taken@example.org"),
        ("users", "create", "ann@example.org", "--password-stdin"),
        ("users", "disable", "unknown@example.org"),
        ("users", "enable", "unknown@example.org"),
        ("users", "reset-password", "unknown@example.org"),
        ("keys", "create", "--user", "unknown@example.org", *SCOPES),
        ("keys", "create", "--user", "taken@example.org", "--scope", "admin"),
        ("keys", "list", "--user", "unknown@example.org"),
        ("keys", "revoke", "unknown"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_1(
    run: Run, words: tuple[str, ...]
) -> None:
    run("users", "create", "taken@example.org")
    result = run(*words)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1


def test_a_stack_that_was_never_started_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPLOADS_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(users, ["list"])
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: No stack was ever started on {tmp_path}: run `make run` first, "
        "or set UPLOADS_DATA.\n"
    )


def test_what_was_given_of_a_service_elsewhere_is_completed_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPLOADS_DATA", str(tmp_path))
    monkeypatch.setenv("UPLOADS_S3_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(users, ["list"])
    assert result.stderr.startswith("Error: UPLOADS_S3_ACCESS_KEY, UPLOADS_S3_SECRET_KEY, ")


def test_a_damaged_database_is_named_with_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "uploads.db"
    path.write_bytes(b"not a database, but long enough to be looked at" * 50)
    monkeypatch.setenv("UPLOADS_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write_stack_env(tmp_path, given_settings(), 4720)
    sentence = f"Error: The database {path} cannot be used: file is not a database.\n"
    assert CliRunner().invoke(users, ["list"]).stderr == sentence
    assert CliRunner().invoke(main, ["db", "check"]).stderr == sentence


def test_a_store_that_does_not_answer_is_named_with_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated_sqlite(tmp_path / "uploads.db")
    monkeypatch.setenv("UPLOADS_DATA", str(tmp_path))
    monkeypatch.setenv("UPLOADS_S3_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.chdir(tmp_path)
    write_stack_env(tmp_path, given_settings(), 4721)
    result = CliRunner().invoke(main, ["reconcile", "--check"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The storage http://127.0.0.1:1 cannot be used: ")
    assert "Could not connect" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_last_administrator_is_disabled_only_by_force(run: Run) -> None:
    for name in ("boss", "chief"):
        run("users", "create", f"{name}@example.org", "--admin")
    assert run("users", "disable", "chief@example.org").exit_code == 0
    refused = run("users", "disable", "BOSS@example.org")
    assert refused.exit_code == 1
    assert "the only administrator who can sign in" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert "boss@example.org  admin  since" in run("users", "list").stdout
    assert run("users", "disable", "chief@example.org").exit_code == 0
    assert run("users", "disable", "boss@example.org", "--force").exit_code == 0


def test_a_password_that_is_not_text_is_refused(accounts: Accounts) -> None:
    words = ["create", "ann@example.org", "--password-stdin"]
    result = CliRunner().invoke(users, words, obj=accounts, input=b"twelve \xff characters\n")
    assert result.exit_code == 1
    assert result.stderr == "Error: The password on standard input is not UTF-8 text.\n"
    assert not accounts.list_users()
