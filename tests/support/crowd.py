"""One owner's small files that come at the same time, and a store that lets them wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from tests.support.fakes import MemoryStorage
from tests.support.line import TEXT, Line
from tests.support.waiting import eventually
from uploads.documents.errors import StorageUnavailable
from uploads.documents.intake import Offer
from uploads.documents.model import Actor, Document
from uploads.documents.packs import Packs
from uploads.storage.protocol import Bucket

SECONDS = 60
FILES = [TEXT + b"%d" % number * (number + 1) for number in range(4)]


class Held(MemoryStorage):
    """A store whose first `put` waits until it is told to go on, and may fail then."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self.asked = threading.Event()
        self.go = threading.Event()
        self.goes_on = threading.Event()
        self.hangs = 0
        self.puts: list[str] = []
        self.failing: Callable[[int], bool] = lambda number: False

    def put(self, bucket: Bucket, key: str, body: Iterable[bytes], size: int) -> None:
        self.puts.append(key)
        number = len(self.puts)
        self.asked.set()
        assert self.go.wait(SECONDS)
        if number == self.hangs:
            assert self.goes_on.wait(SECONDS)
        super().put(bucket, key, body, size)
        if self.failing(number):
            raise StorageUnavailable("stored, and the answer was lost")


class Crowd:
    """A line with a store that holds the first file until all others wait behind it."""

    def __init__(self, folder: Path) -> None:
        self.line = Line(folder, segment_bytes=8192)
        self.store = Held(self.line.clock)
        self.line.storage = self.line.intake._storage = self.store
        self.packs = Packs(self.store, self.line.new_id, most_file_bytes=4096)
        self.line.intake._packs = self.packs
        self.line.reaper._storage = self.line.tidier._storage = self.store
        self.line.runner = self.line.new_worker()
        self.threads = ThreadPoolExecutor(len(FILES) + 1)

    def send(self) -> list[Future[Document]]:
        """The first is on its way when the others come, all before it goes on."""
        sent = [self.send_one(FILES[0], self.line.actor)]
        assert self.store.asked.wait(SECONDS)
        for count, data in enumerate(FILES[1:], 1):
            sent.append(self.send_one(data, self.line.actor))
            self.until_there_wait(count)
        self.store.go.set()
        return sent

    def send_one(self, data: bytes, actor: Actor) -> Future[Document]:
        pieces = iter([data])
        return self.threads.submit(self.line.intake.accept, actor, Offer("a.txt", None), pieces)

    def waiting(self) -> int:
        return sum(len(line) for line in self.packs._lines.values())

    def until_there_wait(self, count: int) -> None:
        eventually(lambda: self.waiting() == count, SECONDS)

    def close(self) -> None:
        self.store.go.set()
        self.store.goes_on.set()
        self.threads.shutdown()
        self.line.records.close()
