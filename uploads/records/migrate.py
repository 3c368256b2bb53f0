"""Brings a database's schema up to date; safe to call from several processes at once.

Alembic without its command line: the migrations are part of the package, the connection is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from uploads.config import ConfigurationError
from uploads.records.engine import MIGRATION_LOCK_SECONDS, make_migration_engine
from uploads.records.failures import translate
from uploads.records.revision import NEWEST, MigrationFailed

# Any number will do, as long as nothing else that shares the database takes the same one.
_ADVISORY_LOCK = 0x75706C6F616473


def upgrade(database_url: str) -> bool:
    """Bring the schema to the newest revision, in one transaction.

    Returns whether anything was changed. Raises MigrationFailed, and nothing is changed, when one
    of the migrations does; `config.ConfigurationError` when the database was written by a newer
    version, `documents.errors.RecordsUnavailable` when it cannot be reached.
    """
    with _alone(database_url) as connection:
        heads = set(MigrationContext.configure(connection).get_current_heads())
        _refuse_unknown(heads)
        if heads == {NEWEST}:
            return False
        _migrate(connection, heads)
        return True


def _migrate(connection: Connection, heads: set[str]) -> None:
    config, done = _config(), list[str]()
    config.attributes.update(connection=connection, done=done)
    try:
        command.upgrade(config, "head")
    except Exception as error:
        # Newest first; what comes after those that were done did not come to its end.
        missing = list(_scripts().iterate_revisions("head", next(iter(heads), "base")))
        failed = missing[::-1][len(done)]
        cause = getattr(error, "orig", None) or error
        reason = (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(".")
        raise MigrationFailed(
            f"Migration {failed.revision} ({failed.doc.rstrip('.')}) failed: {reason}. "
            "The database is as it was before."
        ) from error


def needs_upgrade(database_url: str) -> bool:
    """Whether `upgrade` would change anything. Creates nothing. Raises as `upgrade` does."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return True
    with _translated(), _connected(database_url) as connection:
        heads = set(MigrationContext.configure(connection).get_current_heads())
    _refuse_unknown(heads)
    return heads != {NEWEST}


@contextmanager
def _alone(database_url: str) -> Iterator[Connection]:
    """A transaction that only one process has at a time; SQLite's begins exclusively."""
    with _translated(), _connected(database_url) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{MIGRATION_LOCK_SECONDS}s'"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        yield connection


@contextmanager
def _connected(database_url: str) -> Iterator[Connection]:
    with make_migration_engine(database_url).begin() as connection:
        yield connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error


def _refuse_unknown(heads: set[str]) -> None:
    known = {revision.revision for revision in _scripts().walk_revisions()}
    if not heads <= known:
        raise ConfigurationError(
            "The database was written by a newer version of this service. "
            "Start that version, or restore the copy that was made before it."
        )


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    # Alembic's options are interpolated: a percent sign in the path must be doubled.
    folder = str(Path(__file__).parent / "migrations").replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "newline")
    return config
