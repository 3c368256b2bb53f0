"""The web process: greenlets, one a connection, each read against a clock from its first byte.

gunicorn's gevent worker with a conversation of its own, because gunicorn's bounds neither a
half-sent header apart from an idle connection, nor tells a client why it is let go. It knows
HTTP/1.1 only; TLS and HTTP/2 end at the proxy in front. Nothing here knows the app.
"""

from __future__ import annotations

import gc
import re
import socket
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

from gunicorn import http, util
from gunicorn.glogging import Logger
from gunicorn.http import message
from gunicorn.http.body import LengthReader
from gunicorn.http.errors import NoMoreData
from gunicorn.http.message import Request
from gunicorn.workers.ggevent import GeventWorker

from uploads import ahead, heap, requests_counted, sending, stopping
from uploads.config import Settings
from uploads.connections import Connections
from uploads.deadlines import Line, nothing
from uploads.metrics import CONNECTIONS_REFUSED
from uploads.waiting import give_way

# Real threads (database, passwords) wait for the interpreter no longer than this while greenlets
# run: with Python's 5 ms one commit of a few statements took 30 ms on a busy process.
_SWITCH_SECONDS = 0.0005
_TIMED_OUT = 408
# Of all headers of a request; eight of the longest that gunicorn.conf.py lets in.
_HEADER_BYTES = 64 * 1024
_TOO_MANY = 429
# What gunicorn says of a request that it cannot read, and behind it the request's own words.
_QUOTES = re.compile(r"(Invalid request from ip=\S*): .*", re.DOTALL)
# Objects made since the last look for garbage; with Python's 700 it looked during each request.
_GARBAGE_AFTER = 10_000
# What the segments of one large upload take: more of the bodies' memory is had when it is wanted.
_RESERVED = 24 * 1024 * 1024

# gunicorn would join them where they come twice: to a file of two names, a request of two keys.
message.RFC9110_5_3_SINGLETON_FIELDS |= {"AUTHORIZATION", "CONTENT-DISPOSITION", "IDEMPOTENCY-KEY"}


class Log(Logger):  # type: ignore[misc]
    """gunicorn's log without a line for each request, and without what clients sent: the app writes
    the one, and `edge` tells of what could not be read.
    """

    def warning(self, msg: str, *args: Any, **more: Any) -> None:
        """Without a quotation: where a header is broken, a key may stand in it without its name."""
        super().warning(_QUOTES.sub(r"\1", msg), *args, **more)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        """Called when an answer is out, or as much of it as could be: the place to count.

        Of what gunicorn answers itself it has a status line and no more.
        """
        del req
        status = resp.status or "500"
        requests_counted.note(environ, status, resp.sent, request_time.total_seconds())


class _Asked(Request):  # type: ignore[misc]
    """A request as gunicorn reads it, which trusts no peer by its address.

    Its headers are bounded together: gunicorn's own bound is what all of them may have at their
    longest, half a megabyte. And where they come a few bytes at a time, what has come before is not
    looked through anew for each of them.
    """

    def parse(self, unreader: Any) -> Any:
        self.max_buffer_headers = _HEADER_BYTES
        return super().parse(unreader)

    def read_into(self, unreader: Any, buf: bytearray, stop: bool = False) -> None:
        """Read until there may be something new to find. Raises what gunicorn raises at the end."""
        while True:
            seen = len(buf)
            super().read_into(unreader, buf, stop)
            if self._has_news(buf, seen):
                return

    def _has_news(self, buf: bytearray, seen: int) -> bool:
        """Whether a line has ended, or the head has; what is wrong or too long gunicorn tells."""
        if self.method is None:
            return buf.find(b"\n", seen) >= 0 or len(buf) > self.limit_request_line
        if buf.find(b"\r\n\r\n", max(0, seen - 3)) >= 0 or buf[:2] == b"\r\n":
            return True
        # A line that ends without CR: begun one byte earlier where that may be its CR.
        start = seen - 1 if buf[seen - 1 : seen] == b"\r" else seen
        alone = buf.count(b"\n", start) != buf.count(b"\r\n", start)
        return alone or len(buf) > self.max_buffer_headers

    def _peer_is_trusted_proxy(self) -> bool:
        # Nobody is in `forwarded_allow_ips`; to see that, gunicorn would read the address first.
        return not isinstance(self.peer_addr, tuple)


class Worker(GeventWorker):  # type: ignore[misc]
    """One process of the web server."""

    def init_process(self) -> None:
        self._settings = Settings.load()
        self._idle: set[Line] = set()
        self._connections = Connections(self._settings)
        sys.setswitchinterval(_SWITCH_SECONDS)
        super().init_process()

    def patch(self) -> None:
        ahead.patch_rest()
        super().patch()

    def load_wsgi(self) -> None:
        """Make the app; its modules are there and frozen."""
        import_module("uploads.edge").install(self._settings)
        sending.install()
        super().load_wsgi()
        # Nothing is set any more: found as attributes, without a call of gunicorn's for each look.
        self.cfg.__dict__.update({name: one.get() for name, one in self.cfg.settings.items()})
        # What is there now stays: nothing of it is looked through for garbage again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GARBAGE_AFTER)
        heap.reserve(min(self._settings.spool_memory_bytes, _RESERVED))

    def notify(self) -> None:
        """Called each second, also while the process is stopping: nobody waits for idle ones."""
        super().notify()
        if not self.alive:
            stopping.ask()
            for line in list(self._idle):
                _stop_reading(line)

    def handle(self, listener: socket.socket, client: socket.socket, addr: Any) -> None:
        """One connection, from its first byte to its end; of an address with too many none."""
        name = listener.getsockname()
        whose = self._connections.whose(name, addr)
        if not self._connections.enter(whose):
            _refuse(client)
            return
        try:
            self._hold(name, client, addr)
        finally:
            self._connections.leave(whose)

    def _hold(self, name: Any, client: socket.socket, addr: Any) -> None:
        line = Line(client)
        try:
            self._converse(name, line, addr)
        finally:
            # A request knows its line: as a ring both would wait for the rare look for garbage.
            line.close_after = nothing
            # What a client still sends must not turn the answer into a reset.
            util.close_graceful(client)

    def _converse(self, name: Any, line: Line, addr: Any) -> None:
        parser = http.get_parser(self.cfg, line, addr)
        parser.mesg_class = _Asked
        request = None
        try:
            while self._next_begins(parser, line):
                request = None
                seconds = self._settings.header_seconds
                line.bound(seconds, seconds=seconds)
                request = next(parser)
                line.close_after = request.force_close
                # gunicorn would say "go on" before anybody has looked at the request.
                line.expects, request._expected_100_continue = request._expected_100_continue, False
                line.bound(self._settings.body_seconds)
                self.handle_request(name, request, line, addr)
                if _was_read(request):
                    parser.mesg = None  # it would look for a rest of it, with a clock of its own
        except (StopIteration, NoMoreData):
            return
        except TimeoutError:
            if request is None and line.received:
                util.write_error(line, _TIMED_OUT, "", "")
        except OSError as error:
            self.log.debug("Connection ended: %s", error)
        except Exception as error:  # noqa: BLE001 -- gunicorn knows which of them are the client's
            self.handle_error(request, line, addr, error)

    def _next_begins(self, parser: Any, line: Line) -> bool:
        """Wait for a further request on a connection that had one, while it may stay idle."""
        if parser.req_count == 0:
            return True
        if not self.alive:
            return False
        held = parser.unreader.take_buffered()
        if held:
            parser.unreader.unread(held)
            give_way()  # many that came together are not waited for
            return True
        line.received = 0
        self._idle.add(line)
        try:
            first = line.first(self._settings.idle_seconds)
        finally:
            self._idle.discard(line)
        parser.unreader.unread(first)
        return bool(first)


def _refuse(client: socket.socket) -> None:
    """Say why and be gone: who has too many is neither read nor waited for."""
    CONNECTIONS_REFUSED.count()
    with suppress(OSError):  # the client is gone, or takes nothing
        util.write_error(client, _TOO_MANY, "", "")
    client.close()


def _was_read(request: Any) -> bool:
    """Whether nothing of a body is left, whose length was told."""
    reader = request.body.reader
    return isinstance(reader, LengthReader) and reader.length == 0


def _stop_reading(line: Line) -> None:
    try:
        line.shutdown(socket.SHUT_RD)
    except OSError:
        return  # it is gone already
