"""The errand between the stores and the service: the database made new, the first administrator.

Runs to its end in a process of its own, so that the supervisor stays small and single-threaded.
"""

from __future__ import annotations

import secrets
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from uploads.config import Settings
from uploads.documents.model import Role
from uploads.records import migrate
from uploads.wiring import build
from workers.embedded.part import HAS_SPOKEN
from workers.embedded.private import write_private
from workers.trouble import Trouble, spoken_plainly

_COPIES_KEPT = 3
_ADMINISTRATOR = "admin@localhost"


def main() -> int:
    try:
        with spoken_plainly():
            settings = Settings.load().require_parts()
            bring_up_to_date(settings)
            make_first_administrator(settings)
    except Trouble as trouble:
        sys.stderr.write(f"Error: {trouble}\n")
        return HAS_SPOKEN
    return 0


def bring_up_to_date(settings: Settings) -> None:
    """Migrate the database where that changes something, after a copy of it."""
    if migrate.needs_upgrade(settings.database_url):
        copy_database(settings.database_url, settings.data / "backups", datetime.now(UTC))
        migrate.upgrade(settings.database_url)


def copy_database(database_url: str, folder: Path, now: datetime) -> Path | None:
    """Copy a SQLite database before it is changed, and keep the newest copies only.

    Returns the copy, or None where there is nothing to copy: a new database, or a server's.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database or not Path(url.database).exists():
        return None
    folder.mkdir(mode=0o700, exist_ok=True)
    copy = folder / f"uploads-{now:%Y%m%dT%H%M%S%f}.db"
    unfinished = copy.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(url.database)) as old, closing(sqlite3.connect(unfinished)) as new:
        old.backup(new)
    unfinished.replace(copy)
    for outdated in sorted(folder.glob("uploads-*.db"))[:-_COPIES_KEPT]:
        outdated.unlink()
    return copy


def make_first_administrator(settings: Settings) -> None:
    """Where nobody can sign in yet, make an administrator and leave the password in a file.

    The file is written first: a kill between the two leaves a password that will be used.
    """
    services = build(settings)
    if services.records.read(lambda work: bool(work.accounts.users())):
        return
    file = settings.data / "first-login"
    if not file.exists():
        write_private(file, f"{_ADMINISTRATOR}\n{secrets.token_urlsafe(18)}\n")
    email, password = file.read_text().split()
    services.accounts.create_user(email, password, Role.ADMIN)


if __name__ == "__main__":
    sys.exit(main())
