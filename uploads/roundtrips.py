"""Commands to Redis, several in one round trip, with little between them and the socket.

redis-py opens the connections, with their rights and their TLS; what is said on them is packed and
read by hiredis, as redis-py has it done. All that redis-py puts between (retries, pools that look
whether a connection is alive, hooks) costs more than the command and the round trip together, and
each upload would pay it three times.
"""

from __future__ import annotations

import hashlib
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hiredis import Reader, pack_command
from redis import Redis
from redis import exceptions as failures
from redis.connection import DefaultParser

from uploads.deadlines import send_whole
from uploads.waiting import answers_of

_MOST_IDLE = 16
# The library's 64 KiB would be what each connection costs; an answer is a few numbers.
_READ_BYTES = 4096
_UNFINISHED = object()


@dataclass(frozen=True, slots=True)
class Script:
    """A script, known to Redis by the SHA-1 of its text (EVALSHA)."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", sha)


class Call(NamedTuple):
    """One run of a script."""

    script: Script
    keys: Sequence[str]
    arguments: Sequence[str | int]

    def command(self) -> tuple[Any, ...]:
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.arguments)

    def whole(self) -> tuple[Any, ...]:
        """The same for a Redis that does not know the script yet."""
        return ("EVAL", self.script.text, len(self.keys), *self.keys, *self.arguments)


class Push(NamedTuple):
    """Texts to the head of a list, in this order (LPUSH)."""

    name: str
    texts: Sequence[bytes]

    def command(self) -> tuple[Any, ...]:
        return ("LPUSH", self.name, *self.texts)

    def whole(self) -> tuple[Any, ...]:
        return self.command()


class RoundTrips:
    """Talks to `redis_url`; waits at most `seconds` for a connection and each answer."""

    def __init__(self, redis_url: str, seconds: float) -> None:
        self._pool = Redis.from_url(
            redis_url,
            socket_connect_timeout=seconds,
            socket_timeout=seconds,
            socket_read_size=_READ_BYTES,
            # A place that hangs is given up at once: what follows is counted in the process.
            retry=None,
        ).connection_pool
        # Whatever the URL says: nothing of Redis' own comes between the answers.
        self._pool.connection_kwargs["protocol"] = 2
        self._idle: deque[_Connection] = deque()
        weakref.finalize(self, _close_all, self._idle)

    def run(self, calls: Sequence[Call | Push]) -> list[Any]:
        """Run them in this order, perhaps others between them; returns what each returned.

        Where a connection breaks in between, they may run twice.
        Raises `redis.RedisError` when Redis cannot be reached in time, or one of them fails.
        """
        while True:
            connection, fresh = self._take()
            try:
                answers = _ask(connection, calls)
            except failures.ConnectionError:
                # A kept one may have died with the Redis that it was made to.
                if fresh:
                    raise
                continue
            self._keep(connection)
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
            return answers

    def _take(self) -> tuple[_Connection, bool]:
        try:
            return self._idle.pop(), False
        except IndexError:
            return _Connection(self._pool.make_connection()), True

    def _keep(self, connection: _Connection) -> None:
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()


def _close_all(idle: deque[_Connection]) -> None:
    while idle:
        idle.pop().close()


class _Connection:
    """One that redis-py opened (raises `redis.RedisError`), and what has come on it (RESP 2)."""

    def __init__(self, opened: Any) -> None:
        opened.connect()
        self._opened = opened
        self._socket = opened._sock  # of redis-py's own it is not asked for anything else
        self._recv = answers_of(self._socket)
        self._reader = Reader(
            protocolError=failures.InvalidResponse,
            replyError=DefaultParser.parse_error,
            notEnoughData=_UNFINISHED,
        )

    def exchange(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send them all, then read all answers: errors of single commands among them.

        After anything else it is closed: nobody knows what would come next on it.
        """
        try:
            send_whole(self._socket, b"".join([pack_command(one) for one in commands]))
            return [self._answer() for _ in commands]
        except TimeoutError as error:
            self.close()
            raise failures.TimeoutError("Redis did not answer in time") from error
        except OSError as error:
            self.close()
            raise failures.ConnectionError(f"the connection to Redis broke: {error}") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._opened.disconnect()

    def _answer(self) -> Any:
        while (answer := self._reader.gets()) is _UNFINISHED:
            data = self._recv(_READ_BYTES)
            if not data:
                raise failures.ConnectionError("Redis ended the connection")
            self._reader.feed(data)
        if isinstance(answer, failures.ConnectionError):  # it is loading, or knows no master
            raise answer
        return answer


def _ask(connection: _Connection, calls: Sequence[Call | Push]) -> list[Any]:
    answers = connection.exchange([call.command() for call in calls])
    unknown = [n for n, one in enumerate(answers) if isinstance(one, failures.NoScriptError)]
    if unknown:
        again = connection.exchange([calls[number].whole() for number in unknown])
        for number, answer in zip(unknown, again, strict=True):
            answers[number] = answer
    return answers
