"""Many clients in one process: raw sockets behind one epoll, so that they cost little.

Client, service and store share the same cores; what the clients use is missing in the others.
A client takes uploads from a common queue, one after the other, over connections, one to a port,
that are kept as long as the server keeps them.
"""

from __future__ import annotations

import heapq
import itertools
import select
import socket
import time
from collections import deque
from collections.abc import Iterable

from bench.load.outcome import Outcome
from bench.load.plan import Plan
from bench.load.reply import Reply
from bench.load.upload import Upload

_READ_BYTES = 64 * 1024
_FAST_BYTES = 4 * 1024 * 1024
# A slow client's own kernel must not swallow the body that the server does not read.
_SLOW_BUFFER = 32 * 1024
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT


class Client:
    """One client and its connections. Times are of the monotonic clock."""

    __slots__ = (
        "due", "parked", "port", "position", "reply", "reused", "sock", "started", "upload",
        "watched",
    )  # fmt: skip

    def __init__(self, due: float) -> None:
        self.sock: socket.socket | None = None
        self.port = 0
        self.parked: dict[int, socket.socket] = {}
        self.upload: Upload | None = None
        self.reply = Reply()
        self.position = 0
        self.started = 0.0
        self.due = due
        self.reused = False
        self.watched = 0


class Clients:
    """Runs a plan over a queue of uploads, once."""

    def __init__(self, plan: Plan, uploads: Iterable[Upload]) -> None:
        self._plan = plan
        self._queue = deque(uploads)
        self._outcome = Outcome()
        self._epoll = select.epoll()
        self._by_fd: dict[int, Client] = {}
        self._timers: list[tuple[float, int, Client, Upload | None]] = []
        self._order = itertools.count()
        self._busy = 0

    def run(self) -> Outcome:
        """Send everything; returns when all is answered or the deadline has passed."""
        begun, cpu = time.monotonic(), time.process_time()
        for number in range(self._plan.clients):
            self._at(begun + number * self._plan.spacing, Client(0.0))
        end = begun + self._plan.deadline
        while (self._busy or self._timers) and time.monotonic() < end:
            self._turn(end)
        self._outcome.seconds = time.monotonic() - begun
        self._outcome.cpu = time.process_time() - cpu
        self._leave()
        return self._outcome

    def _at(self, due: float, client: Client) -> None:
        client.due = due
        heapq.heappush(self._timers, (due, next(self._order), client, client.upload))

    def _turn(self, end: float) -> None:
        now = time.monotonic()
        until = min(self._timers[0][0], end) if self._timers else end
        for fd, events in self._epoll.poll(max(0.0, until - now), 512):
            client = self._by_fd.get(fd)
            if client is None:
                continue
            if client.sock is not None and client.sock.fileno() == fd:
                self._guarded(client, events)
            else:
                self._lose_parked(client, fd)
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, client, upload = heapq.heappop(self._timers)
            if upload is None:
                self._next(client)
            elif client.upload is upload:  # else it was answered before it had sent everything
                self._guarded(client, _OUT)

    def _guarded(self, client: Client, events: int) -> None:
        try:
            if events & ~_OUT:
                self._read(client)
            if events & _OUT and client.upload is not None and not client.reply.begun:
                self._send(client)
        except BlockingIOError:
            self._watch(client, _IN | _OUT)
        except OSError as error:
            self._broken(client, type(error).__name__)

    def _next(self, client: Client) -> None:
        """Begin with the next upload, if there is one."""
        if not self._queue:
            self._close(client)
            for sock in client.parked.values():
                self._by_fd.pop(sock.fileno(), None)
                sock.close()
            client.parked.clear()
            return
        client.upload = self._queue.popleft()
        client.started = time.monotonic()
        self._busy += 1
        self._begin(client)

    def _begin(self, client: Client) -> None:
        assert client.upload is not None
        client.position, client.reply = 0, Reply()
        self._turn_to(client, client.upload.port or self._plan.port)
        client.reused = client.sock is not None
        if client.sock is None:
            self._connect(client)
        self._watch(client, _IN | _OUT)

    def _turn_to(self, client: Client, port: int) -> None:
        """Take up the connection to this port, if there is one, and put the other aside."""
        if client.port == port:
            return
        if client.sock is not None:
            self._watch(client, _IN)
            client.parked[client.port] = client.sock
        client.sock, client.port = client.parked.pop(port, None), port
        client.watched = _IN

    def _lose_parked(self, client: Client, fd: int) -> None:
        """The server ended a connection that was put aside."""
        port = next(port for port, sock in client.parked.items() if sock.fileno() == fd)
        self._by_fd.pop(fd)
        client.parked.pop(port).close()

    def _connect(self, client: Client) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        if self._plan.pace:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SLOW_BUFFER)
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect_ex(("127.0.0.1", client.port))
        client.sock, client.watched = sock, 0
        self._by_fd[sock.fileno()] = client

    def _watch(self, client: Client, events: int) -> None:
        assert client.sock is not None
        if not client.watched:
            self._epoll.register(client.sock, events)
        elif client.watched != events:
            self._epoll.modify(client.sock, events)
        client.watched = events

    def _send(self, client: Client) -> None:
        assert client.sock is not None
        assert client.upload is not None
        pace, upload = self._plan.pace, client.upload
        limit = _FAST_BYTES if pace is None else pace.piece - client.position % pace.piece
        client.position += client.sock.sendmsg(upload.buffers(client.position, limit))
        if client.position >= upload.size:
            self._watch(client, _IN)
        elif pace and client.position % pace.piece == 0:
            self._watch(client, _IN)
            now = time.monotonic()
            self._at(pace.next_due(client.due, now), client)
        else:
            self._watch(client, _IN | _OUT)

    def _read(self, client: Client) -> None:
        assert client.sock is not None
        data = client.sock.recv(_READ_BYTES)
        if client.upload is None:
            self._close(client)  # the server ended an idle connection
            return
        client.reply.feed(data)
        if client.reply.done:
            self._answered(client)
        elif not data:
            self._broken(client, "closed")

    def _answered(self, client: Client) -> None:
        upload, reply = client.upload, client.reply
        assert upload is not None
        whole = client.position >= upload.size
        if reply.closes or not whole:
            self._close(client)
        if reply.status != upload.expected or not whole:
            self._outcome.fail(f"status {reply.status}")
        elif upload.then is not None:
            client.upload = upload.then(reply.body)
            self._begin(client)
            return
        else:
            seconds = time.monotonic() - client.started
            self._outcome.latencies.extend([seconds / upload.files] * upload.files)
        self._finished(client)

    def _broken(self, client: Client, what: str) -> None:
        """The connection failed; a kept one may have been closed before the server saw anything."""
        again = client.reused and not client.reply.begun
        self._close(client)
        if client.upload is not None and again:
            self._begin(client)
        elif client.upload is not None:
            self._outcome.fail(what)
            self._finished(client)

    def _finished(self, client: Client) -> None:
        client.upload = None
        self._busy -= 1
        self._next(client)

    def _close(self, client: Client) -> None:
        if client.sock is not None:
            self._by_fd.pop(client.sock.fileno(), None)
            client.sock.close()
            client.sock = None

    def _leave(self) -> None:
        """Count who was not served in time, and close everything."""
        clients = set(self._by_fd.values())
        waiting = sum(client.upload is not None for client in clients)
        if waiting + len(self._queue):
            self._outcome.fail("not in time", waiting + len(self._queue))
        for client in clients:
            self._close(client)
            for sock in client.parked.values():
                sock.close()
        self._epoll.close()


def run(plan: Plan, uploads: Iterable[Upload]) -> Outcome:
    """Run a plan in this process."""
    return Clients(plan, uploads).run()
