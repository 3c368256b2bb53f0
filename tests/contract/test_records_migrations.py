"""The migrations, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, NullPool, create_engine, inspect, make_url, text

from tests.support.earlier import left_behind
from tests.support.facts import user
from uploads.config import ConfigurationError
from uploads.documents.errors import RecordsUnavailable
from uploads.records import migrate
from uploads.records.migrate import needs_upgrade, upgrade
from uploads.records.revision import NEWEST, MigrationFailed
from uploads.records.sql import SqlRecords
from uploads.records.tables import metadata


def engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool)


def test_the_newest_revision_is_that_of_the_migrations() -> None:
    """Who asks whether a schema is current does not look at the migrations themselves."""
    assert migrate._scripts().get_heads() == [NEWEST]


def test_the_tables_in_the_code_are_those_of_the_migrations(database_url: str) -> None:
    with engine(database_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_references_cascade_as_in_the_code(database_url: str) -> None:
    """What Alembic's comparison is silent about."""
    with engine(database_url).connect() as connection:
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            migrated = {
                (key["name"], tuple(key["constrained_columns"]), key["options"].get("ondelete"))
                for key in inspector.get_foreign_keys(table.name)
            }
            declared = {
                (str(key.name), tuple(key.column_keys), key.ondelete)
                for key in table.foreign_key_constraints
            }
            assert migrated == declared


def test_upgrade_says_whether_it_changed_anything(empty_database_url: str) -> None:
    assert needs_upgrade(empty_database_url)
    assert upgrade(empty_database_url)
    assert not needs_upgrade(empty_database_url)
    assert not upgrade(empty_database_url)


def test_upgrade_keeps_what_is_there(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    records = SqlRecords(empty_database_url)
    records.write(lambda work: work.accounts.add_user(user()))
    upgrade(empty_database_url)
    assert records.read(lambda work: work.accounts.users()) == [user()]
    records.close()


def test_to_ask_creates_no_file(tmp_path: Path) -> None:
    assert needs_upgrade(f"sqlite:///{tmp_path / 'new.db'}")
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_migrates_meanwhile(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one is not let in while the first is at it, and then finds nothing to do."""
    whole, first_in, second_in = command.upgrade, Event(), Event()

    def slow(*arguments: Any) -> None:
        if first_in.is_set():
            second_in.set()
            return
        first_in.set()
        second_in.wait(timeout=1)
        whole(*arguments)

    monkeypatch.setattr(command, "upgrade", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(upgrade, empty_database_url)
        assert first_in.wait(timeout=60)
        second = pool.submit(upgrade, empty_database_url)
        assert (first.result(timeout=60), second.result(timeout=60)) == (True, False)
    assert not second_in.is_set()


def test_a_database_of_a_newer_version_is_left_alone(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    with engine(empty_database_url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for ask in (upgrade, needs_upgrade):
        with pytest.raises(ConfigurationError, match="newer version"):
            ask(empty_database_url)


def test_a_migration_that_fails_leaves_nothing(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables are created in one transaction, on SQLite as well."""
    whole = command.upgrade

    def half(*arguments: str) -> None:
        whole(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "upgrade", half)
    with pytest.raises(KeyboardInterrupt):
        upgrade(empty_database_url)
    monkeypatch.undo()
    assert needs_upgrade(empty_database_url)
    assert upgrade(empty_database_url)


def test_a_migration_that_fails_is_named_with_its_reason(empty_database_url: str) -> None:
    """And what those before it did is undone with it."""
    left_behind(empty_database_url, "0002", {})
    with engine(empty_database_url).begin() as connection:
        connection.execute(text("CREATE TABLE links (id INTEGER)"))
    said = r"^Migration 0004 \(Links, the .*\) failed: .*links.* already exists\. "
    with pytest.raises(MigrationFailed, match=said):
        upgrade(empty_database_url)
    with engine(empty_database_url).connect() as connection:
        assert not inspect(connection).has_table("grants")
        connection.execute(text("DROP TABLE links"))
        connection.commit()
    assert upgrade(empty_database_url)


def test_a_server_that_is_not_there_is_unavailable(postgresql: str) -> None:
    nobody = make_url(postgresql).set(port=1).render_as_string(hide_password=False)
    for ask in (upgrade, needs_upgrade):
        with pytest.raises(RecordsUnavailable):
            ask(nobody)
