"""`uploads bootstrap` on empty parts, on full ones, and what it says of stores that know less."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from botocore.stub import Stubber
from click.testing import CliRunner, Result
from sqlalchemy import NullPool, create_engine, text

from tests.support.earlier import left_behind
from tests.support.lax_store import Powers, lax_store
from tests.support.ports import free_port
from tests.support.s3 import ACCESS_KEY, SECRET_KEY, client, running_s3
from uploads import clock
from uploads.config import Settings
from uploads.documents.errors import StorageUnavailable
from uploads.documents.model import Role
from uploads.documents.proofs import Standing, StoreProof
from uploads.proofs import LastProof
from uploads.records.sql import SqlRecords
from uploads.storage.boto import make_client
from uploads.storage.buckets import let_browsers_put
from uploads.wiring import Services, build
from workers.cli import main

PREFIX, ORIGIN = "first-", "https://uploads.example.org"
EMAIL, PASSWORD = "ops@example.org", "a password for the first day"
RULE = {
    "AllowedOrigins": [ORIGIN],
    "AllowedMethods": ["PUT"],
    "AllowedHeaders": ["content-type", "x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm"],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 3600,
}


@pytest.fixture
def surroundings(
    tmp_path: Path, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Settings of a service whose store and database are empty; the store is not started."""
    settings = {
        "UPLOADS_DATA": str(tmp_path / "data"),
        "UPLOADS_PUBLIC_URL": ORIGIN,
        "UPLOADS_DATABASE_URL": empty_database_url,
        "UPLOADS_S3_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "UPLOADS_S3_ACCESS_KEY": ACCESS_KEY,
        "UPLOADS_S3_SECRET_KEY": SECRET_KEY,
        "UPLOADS_S3_BUCKET_PREFIX": PREFIX,
        "UPLOADS_SECRET_KEY": "k" * 32,
        "UPLOADS_CLAMD": "off",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture(autouse=True)
def users(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[tuple[str, Role]]]]:
    """Who there is; what a command leaves to the end of its process is closed here."""
    made: list[Services] = []

    def remembered(settings: Settings) -> Services:
        made.append(build(settings))
        return made[-1]

    monkeypatch.setattr("workers.cli.bootstrap.build", remembered)
    yield lambda: [
        (one.email, one.role) for one in remembered(Settings.load()).accounts.list_users()
    ]
    for services in made:
        assert isinstance(services.records, SqlRecords)
        services.records.close()


def proof() -> StoreProof:
    """What is written down of the store."""
    settings = Settings.load()
    made = importlib.import_module("workers.cli.bootstrap").build(settings)
    found = LastProof(made.records, settings).read()
    assert found is not None
    return found


def bootstrap(tmp_path: Path, *more: str) -> Result:
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    words = ["--administrator", EMAIL, "--password-file", str(password), *more]
    return CliRunner().invoke(main, ["bootstrap", *words])


def test_an_empty_place_is_made_ready_and_then_left_alone(
    tmp_path: Path,
    surroundings: dict[str, str],
    users: Callable[[], list[tuple[str, Role]]],
) -> None:
    """Schema, buckets and administrator are there after it; a second run changes none of them."""
    endpoint = surroundings["UPLOADS_S3_ENDPOINT"]
    with running_s3(tmp_path / "s3", int(endpoint.rpartition(":")[2])):
        first = bootstrap(tmp_path)
        assert first.exit_code == 0, first.output
        assert f"made {PREFIX}incoming, {PREFIX}quarantine, {PREFIX}clean" in first.output
        assert "ok        store          signed length" in first.output
        assert "the store is proved" in first.output
        assert proof().standing(clock.now()) is Standing.PROVED
        client(endpoint, bucket_prefix=PREFIX).ready()

        second = bootstrap(tmp_path, "--administrator", "eve@example.org")
        assert second.exit_code == 0, second.output
        for words in ("Schema: up to date", "Buckets: all there", "there are users already"):
            assert words in second.output
    assert users() == [(EMAIL, Role.ADMIN)]


def test_it_makes_buckets_with_keys_of_their_own(
    tmp_path: Path, surroundings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's keys need not be allowed to make any."""
    monkeypatch.setenv("UPLOADS_S3_SECRET_KEY", "of no use to anybody")
    keys = tmp_path / "keys"
    keys.write_text(f"{ACCESS_KEY}\n{SECRET_KEY}\n")
    port = int(surroundings["UPLOADS_S3_ENDPOINT"].rpartition(":")[2])
    with running_s3(tmp_path / "s3", port):
        assert bootstrap(tmp_path).exit_code == 1
        made = bootstrap(tmp_path, "--store-keys-file", str(keys))
        assert made.exit_code == 0, made.output


def test_a_store_that_keeps_no_promise_is_not_signed_for(
    tmp_path: Path,
    surroundings: dict[str, str],
    users: Callable[[], list[tuple[str, Role]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What clients meet takes anything from anybody. It is said plainly, and all else goes on."""
    port = int(surroundings["UPLOADS_S3_ENDPOINT"].rpartition(":")[2])
    with running_s3(tmp_path / "s3", port), lax_store(Powers(forgets=True)) as lax:
        monkeypatch.setenv("UPLOADS_S3_PUBLIC_URL", lax)
        for _ in range(2):
            told = bootstrap(tmp_path)
            assert told.exit_code == 0, told.output
            assert "Signed URLs: REFUSED" in told.output
            assert "must not be offered: signatures, expiry" in told.output
            assert proof().standing(clock.now()) is Standing.DISPROVED
        assert users() == [(EMAIL, Role.ADMIN)]


def test_a_store_that_refuses_the_services_keys_is_disproved(
    tmp_path: Path, surroundings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys are those of somebody else: every grant would lead to a refusal, which is said."""
    keys = tmp_path / "keys"
    keys.write_text(f"{ACCESS_KEY}\n{SECRET_KEY}\n")
    monkeypatch.setenv("UPLOADS_S3_SECRET_KEY", "of no use to anybody")
    with running_s3(tmp_path / "s3", int(surroundings["UPLOADS_S3_ENDPOINT"].rpartition(":")[2])):
        told = bootstrap(tmp_path, "--store-keys-file", str(keys))
    assert (told.exit_code, "Signed URLs: REFUSED" in told.output) == (0, True)
    assert proof().standing(clock.now()) is Standing.DISPROVED


def test_a_store_that_is_away_is_named(
    tmp_path: Path,
    surroundings: dict[str, str],
    users: Callable[[], list[tuple[str, Role]]],
) -> None:
    """One sentence and exit code 1; no administrator of a service that cannot work."""
    result = bootstrap(tmp_path)
    assert result.exit_code == 1
    assert f"storage {surroundings['UPLOADS_S3_ENDPOINT']} cannot be used" in result.output
    assert not users()


def test_a_migration_that_fails_ends_it(
    tmp_path: Path, surroundings: dict[str, str], empty_database_url: str
) -> None:
    """Exit code 1 with its name and the reason; what waits for this task does not start."""
    left_behind(empty_database_url, "0006", {})
    with create_engine(empty_database_url, poolclass=NullPool).begin() as connection:
        connection.execute(text("CREATE TABLE canaries (id INTEGER)"))
    with running_s3(tmp_path / "s3", int(surroundings["UPLOADS_S3_ENDPOINT"].rpartition(":")[2])):
        result = bootstrap(tmp_path)
    assert result.exit_code == 1
    assert result.output.startswith("Error: Migration 0007 (Canaries of engines; ")
    assert "already exists. The database is as it was before." in result.output
    assert "Administrator" not in result.output


@pytest.mark.usefixtures("surroundings")
def test_half_of_what_belongs_together_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    alone = CliRunner().invoke(main, ["bootstrap", "--administrator", EMAIL])
    assert alone.exit_code == 2
    no_keys = bootstrap(tmp_path, "--store-keys-file", str(tmp_path / "empty"))
    assert no_keys.exit_code == 1
    assert "does not have 2 line(s)" in no_keys.output


def cors(
    *,
    kept: list[dict[str, object]] | None = None,
    status: int = 200,
    origins: Sequence[str] = (ORIGIN,),
) -> bool:
    """What is made of a store that answers so."""
    store = make_client("http://127.0.0.1:9", "us-east-1", ACCESS_KEY, SECRET_KEY)
    with Stubber(store) as staged:
        if status == 200:
            staged.add_response("put_bucket_cors", {})
            staged.add_response("get_bucket_cors", {"CORSRules": kept or []})
        else:
            staged.add_client_error("put_bucket_cors", "Staged", http_status_code=status)
        return let_browsers_put(store, "", origins)


def test_a_rule_counts_when_the_store_has_it() -> None:
    """An answer of 200 alone says nothing: the rule is read again."""
    assert cors(kept=[RULE])
    assert not cors(kept=[])
    assert not cors(kept=[{**RULE, "AllowedOrigins": ["*"]}])


def test_pages_of_listed_origins_put_by_the_same_rule() -> None:
    """One rule for all of them: a store that kept only some of its origins did not keep it."""
    both = [ORIGIN, "https://tools.example.org"]
    assert cors(origins=both, kept=[{**RULE, "AllowedOrigins": both}])
    assert not cors(origins=both, kept=[RULE])


@pytest.mark.parametrize("status", [400, 405, 501])
def test_a_store_without_rules_is_no_failure(status: int) -> None:
    assert not cors(status=status)


@pytest.mark.parametrize("status", [403, 500])
def test_a_store_that_does_not_let_us_is_one(status: int) -> None:
    with pytest.raises(StorageUnavailable):
        cors(status=status)
