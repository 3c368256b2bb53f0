"""Links over the line in miniature: documents that are clean at once, and what is kept of uses."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import Connection, NullPool, create_engine, select

from tests.support.facts import document, verdict
from tests.support.line import Line
from uploads.documents.fetching import Download, Fetching
from uploads.documents.links import Link
from uploads.documents.model import State
from uploads.documents.sharing import Sharing, Wish
from uploads.records import tables
from uploads.records.link_tables import link_uses
from uploads.security.passwords import Passwords
from uploads.security.tokens import LinkTokens
from uploads.storage.protocol import Bucket

_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Desk:
    """Ann's links, and the strangers who use them."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.ann = line.actor
        tokens = LinkTokens("a secret of thirty-two characters", 3600)
        passwords = Passwords(_CHEAP)
        self.sharing = Sharing(
            records=line.records,
            library=line.library,
            addresses=tokens,
            hasher=passwords,
            clock=line.clock,
            new_id=line.new_id,
            content_url="http://content.test",
        )
        self.fetching = Fetching(
            records=line.records,
            storage=line.storage,
            tickets=tokens,
            secrets=passwords,
            clock=line.clock,
            pause=self._pause,
        )
        self.pauses: list[float] = []
        self.on_pause: Callable[[], None] = lambda: None

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.on_pause()

    def clean(self, content: bytes, name: str = "a.txt", kind: str = "text/plain") -> str:
        """A document that was inspected and published."""
        key, sha256 = f"clean/{self.line.new_id()}", hashlib.sha256(content).hexdigest()
        self.line.storage.put(Bucket.CLEAN, key, [content], len(content))
        made = document(
            f"doc_{self.line.new_id()}",
            owner_id=self.ann.user_id,
            name=name,
            size=len(content),
            type=kind,
            state=State.CLEAN,
            sha256=sha256,
            clean_key=key,
            verdict=replace(verdict(), sha256=sha256, size=len(content)),
        )
        self.line.records.write(lambda work: work.documents.add(made))
        return made.id

    def share(self, *documents: str, **wish: Any) -> Link:
        return self.sharing.make(self.ann, Wish(documents, **wish))

    def token(self, link: Link) -> str:
        return self.sharing.url(link.id).rpartition("/")[2]

    def move(self, document_id: str, state: State) -> None:
        found = self.line.document(document_id)
        moved = self.line.records.write(
            lambda work: work.documents.move(document_id, {found.state}, state, self.line.now)
        )
        assert moved

    def spoil(self, document_id: str) -> None:
        """Let the store have other bytes of the same length than were inspected."""
        key = (Bucket.CLEAN, self.line.document(document_id).clean_key or "")
        content, at = self.line.storage.objects[key]
        self.line.storage.objects[key] = (content[:-1] + b"!", at)

    def left(self, download: Download) -> int:
        """What a counted download may still be sent, in bytes."""
        mine = link_uses.c.link_id == download.link.id, link_uses.c.number == download.number
        with self.connection() as connection:
            return int(connection.scalar(select(link_uses.c.bytes_left).where(*mine)) or 0)

    def trail(self, link: Link) -> list[tuple[str, str]]:
        """What the audit trail says of a link, in order."""
        with self.connection() as connection:
            rows = connection.execute(
                select(tables.audit)
                .where(tables.audit.c.subject == link.id)
                .order_by(tables.audit.c.id)
            ).all()
        return [(row.actor, f"{row.action} {_code(row.detail)}".strip()) for row in rows]

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        with create_engine(self.line.database_url, poolclass=NullPool).connect() as connection:
            yield connection

    @staticmethod
    def now() -> float:
        """The real clock, which tickets go by."""
        return time.time()


def _code(detail: Any) -> str:
    return str((json.loads(detail) if isinstance(detail, str) else detail).get("code", ""))


def begun(desk: Desk, *documents: str, **wish: Any) -> Download:
    """A download that was counted, as its ticket is used."""
    link = desk.share(*documents, **wish)
    ticket = desk.fetching.use(desk.fetching.look(desk.token(link), wish.get("password")))
    return desk.fetching.resume(ticket)


def whole(desk: Desk, download: Download) -> bytes:
    with desk.fetching.open(download, 0, download.size) as pieces:
        return b"".join(pieces)
