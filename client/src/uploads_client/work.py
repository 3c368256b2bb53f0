"""What threads do with many files: post the small ones, and grant, put and complete the others.

Each file ends once, with its document or with what went wrong; nobody is kept by another one's
trouble, but where there was no answer at all: then nothing more is begun.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import SimpleQueue

from uploads_client.answers import Document, Grant
from uploads_client.batches import Batches
from uploads_client.crew import Crew, together, within
from uploads_client.desk import Desk, Duty, Kind
from uploads_client.errors import NotDone, NotReachable, UploadsError
from uploads_client.files import FAULTS, Item, Sent
from uploads_client.forms import FORM_SECONDS, LARGEST, Forms, Small
from uploads_client.parts import Parts
from uploads_client.planning import Plan
from uploads_client.retrying import passes
from uploads_client.sources import Meter, Progress, Seekable, Share, Stopped
from uploads_client.transfers import HASTE_SECONDS, ROUNDS, Offer, Streamed, abort, checked
from uploads_client.wire import Wire

Fault = UploadsError | OSError | ValueError
# Of a service that does not know the call.
_UNKNOWN = frozenset({404, 405})
# The same, or of one that signs no URLs at present.
_NOT_HERE = _UNKNOWN | {503}


class Work:
    """Begins at once, in threads of its own. `outcomes` has a None where these have ended."""

    def __init__(
        self, wire: Wire, plan: Plan, progress: Progress | None, reading: Progress | None
    ) -> None:
        self._plan = plan
        self._desk = Desk(plan.streamed, plan.posted, plan.granted, plan.bounds.at_once)
        self._stop = self._desk.stop
        self._wire = wire.until(self._stop)
        self._last = wire
        self._batches, self._forms = Batches(self._wire, wire), Forms(self._wire, self._stop)
        self._meters = [Meter(plan.size, progress), Meter(plan.size, reading)]
        self._sent, self._read = (Share(one, self._stop.is_set) for one in self._meters)
        self.outcomes: SimpleQueue[Sent | BaseException | None] = SimpleQueue()
        self.alone = deque(plan.alone)
        self._ended: dict[int, Sent] = {}
        self._open: set[Item] = set()
        self._lock = threading.Lock()
        self._acts: Mapping[Kind, Callable[[Sequence[Item]], None]] = {
            "stream": self._stream,
            "post": self._post,
            "grant": self._grant,
            "put": self._put,
            "complete": self._complete,
        }
        for sent in plan.refused:
            self._ended[sent.place] = sent
            self.outcomes.put(sent)
        self._crew = Crew(self._do_all, plan.threads, lambda: self.outcomes.put(None))

    @property
    def ended(self) -> list[Sent]:
        """What is known by now, in the order in which the files were given."""
        with self._lock:
            return [self._ended[place] for place in sorted(self._ended)]

    def end(self, item: Item, document: Document | None = None, error: Fault | None = None) -> None:
        """This became of it. Only the first word counts; once stopped, only a document does."""
        item.close()
        with self._lock:
            if item.ended or (document is None and self._stop.is_set()):
                return
            item.ended = True
            if document is not None:
                self._open.discard(item)
            sent = self._ended[item.place] = Sent(item.place, item.given, document, error)
        self.outcomes.put(sent)

    def fail(self, item: Item, error: Fault) -> None:
        """This went wrong with it. Where nobody answers, no other is begun either."""
        self.end(item, error=error)
        if not isinstance(error, NotReachable):
            self._abort([item])
            return
        # What was granted is given back at the end, when nothing else waits for that.
        left = [*self._desk.take_all(), *self.alone]
        self.alone.clear()
        for other in left:
            self.end(other, error=NotDone("Not sent, because there was no answer for another."))

    def send_alone(self, send: Callable[[Offer], Document]) -> bool:
        """Send the next of those, in the caller's thread. False where there is none."""
        if self._stop.is_set() or not self.alone:
            return False
        item = self.alone.popleft()
        try:
            document = send(self._offer(item))
        except FAULTS as error:
            self.fail(item, error)
        else:
            self.end(item, document)
        return True

    def stop(self) -> None:
        """End what is under way and give back what was granted; quick, and quiet when all is done.

        Calls that make something are waited for a little: what they made is told, or undone.
        """
        self._desk.end(HASTE_SECONDS, FORM_SECONDS)
        self._crew.leave()
        self.outcomes.put(None)
        with self._lock:
            acts = [partial(self._abort, [item]) for item in self._open]
        if acts:
            aborts = partial(together, acts, self._plan.bounds.at_once, threading.Event())
            within(HASTE_SECONDS, aborts)
        for meter in self._meters:
            meter.end()
        for item in self._plan.items:
            item.close()

    def _do_all(self) -> None:
        try:
            while (duty := self._desk.next()) is not None:
                self._do(duty)
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            self.outcomes.put(error)

    def _do(self, duty: Duty) -> None:
        try:
            self._acts[duty.kind](duty.items)
        finally:
            self._desk.done(duty)

    def _stream(self, items: Sequence[Item]) -> None:
        for item in items:
            try:
                document = Streamed(self._wire).send(self._offer(item))
            except FAULTS as error:
                self.fail(item, error)
            else:
                self.end(item, document)

    def _post(self, items: Sequence[Item]) -> None:
        waiting = [(item, small) for item in items if (small := self._loaded(item))]
        if not waiting:
            return
        try:
            found = self._forms.documents([small for _, small in waiting])
        except UploadsError as error:
            if error.status in _UNKNOWN:
                self._read.add(-sum(len(small.content) for _, small in waiting))
                self._desk.stream([*(item for item, _ in waiting), *self._desk.take_unposted()])
                return
            for item, _ in waiting:
                self.fail(item, error)
            return
        for (item, small), one in zip(waiting, found, strict=True):
            self._posted(item, small, one)
        # Last, for it raises when all is stopped: what is there is told before that.
        sizes = [len(small.content) for _, small in waiting]
        self._sent.add(
            sum(n for n, one in zip(sizes, found, strict=True) if isinstance(one, Document))
        )

    def _loaded(self, item: Item) -> Small | None:
        """Its bytes; None where it has failed, or goes another way."""
        try:
            source = item.source()
            if not isinstance(source, Seekable) or source.size > LARGEST:  # it may have grown
                self._desk.stream([item])
                return None
            item.size = source.size
            content = b"".join(source.pieces(0, source.size, self._stop.is_set))
            self._read.add(len(content))
        except FAULTS as error:
            self.fail(item, error)
            return None
        item.digest = hashlib.sha256(content).hexdigest()
        return Small(item.name, item.type, content, item.digest)

    def _posted(self, item: Item, small: Small, found: Document | UploadsError) -> None:
        try:
            if isinstance(found, UploadsError):
                raise found
            document = checked(self._last, found, small.sha256)
        except UploadsError as error:
            self.fail(item, error)
        else:
            self.end(item, document)

    def _grant(self, items: Sequence[Item]) -> None:
        waiting = deque(item for item in items if self._hashed(item))
        claims = [item.claim for item in waiting]
        try:
            for found in self._batches.grants(claims):
                self._granted([(waiting.popleft(), one) for one in found])
        except UploadsError as error:
            if error.status in _NOT_HERE:
                self._without_grants([*waiting, *self._desk.take_ungranted()])
                return
            for item in waiting:
                self.fail(item, error)

    def _hashed(self, item: Item) -> bool:
        """Whether its digest is known now."""
        try:
            source = item.source()
            if not isinstance(source, Seekable):
                self._desk.stream([item])
                return False
            item.digest = source.digest(self._stop.is_set, self._read.add)
            item.size = source.size
        except FAULTS as error:
            self.fail(item, error)
            return False
        return True

    def _granted(self, found: Sequence[tuple[Item, Grant | UploadsError]]) -> None:
        ready: list[Item] = []
        for item, one in found:
            source = item.source()
            if isinstance(one, Grant) and isinstance(source, Seekable):
                item.grant = one
                item.parts = Parts(self._wire, one, source, self._sent, stop=self._stop)
                ready.append(item)
            elif isinstance(one, UploadsError) and not passes(one):
                self.fail(item, one)
            else:
                self._without_grants([item])
        with self._lock:
            self._open.update(ready)
        if self._stop.is_set():
            self._abort(ready)
        self._desk.ready(ready)

    def _without_grants(self, items: Sequence[Item]) -> None:
        """Send these as files are sent one by one."""
        small = [item for item in items if (item.size or 0) <= self._plan.bounds.stream_up_to]
        self.alone.extend(item for item in items if item not in small)
        self._desk.stream(small)

    def _put(self, items: Sequence[Item]) -> None:
        for item in items:
            try:
                if item.parts is not None:
                    item.parts.send_one(1)
            except FAULTS as error:
                self.fail(item, error)
            else:
                self._desk.arrived(item)

    def _complete(self, items: Sequence[Item]) -> None:
        uploads = [{"id": item.grant.id, "sha256": item.digest} for item in items if item.grant]
        try:
            found = self._batches.documents(uploads)
        except UploadsError as error:
            for item in items:
                self.fail(item, error)
            return
        for item, one in zip(items, found, strict=True):
            try:
                self._completed(item, one)
            except UploadsError as error:
                self.fail(item, error)

    def _completed(self, item: Item, found: Document | UploadsError) -> None:
        """Its document, or another round. Raises UploadsError."""
        if isinstance(found, Document):
            self.end(item, checked(self._last, found, item.digest))
            return
        item.rounds += 1
        if item.rounds < ROUNDS and found.code == "incomplete":
            self._desk.ready([item])
        elif item.rounds < ROUNDS and passes(found):
            self._desk.arrived(item)
        else:
            raise found

    def _abort(self, items: Sequence[Item]) -> None:
        for item in items:
            with self._lock:
                mine = item in self._open
                self._open.discard(item)
            if mine and item.grant is not None:
                abort(self._last, item.grant)

    def _offer(self, item: Item) -> Offer:
        return Offer(item.source(), item.name, item.type, self._sent, self._read)
