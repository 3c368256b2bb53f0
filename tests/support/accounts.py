"""Accounts on a database of their own, with a clock that tests move."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher

from tests.support.facts import NOW
from tests.support.sqlite import migrated_sqlite
from uploads.documents.model import Scope
from uploads.records.sql import SqlRecords
from uploads.security.accounts import Accounts

IDLE, LIFE = 3600, 86400
PASSWORD = "correct horse battery"
CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}
READ_WRITE = frozenset({Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE})


@dataclass
class Bench:
    """Accounts on a database of their own, and the time that it is for them."""

    path: Path
    now: datetime = NOW
    hasher: PasswordHasher = field(default_factory=lambda: PasswordHasher(**CHEAP))

    def __post_init__(self) -> None:
        self.records = SqlRecords(migrated_sqlite(self.path))
        self.accounts = self.accounts_with(self.hasher)

    def accounts_with(self, hasher: PasswordHasher) -> Accounts:
        return Accounts(
            self.records, lambda: self.now, hasher, idle_seconds=IDLE, session_seconds=LIFE
        )

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as database:
            return database.execute(sql).fetchall()

    def trail(self) -> list[tuple[object, ...]]:
        return self.query("SELECT actor, action, subject FROM audit ORDER BY id")
