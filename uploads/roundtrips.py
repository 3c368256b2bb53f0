"""Commands to Redis, several in one round trip, with little between them and the socket.

redis-py's connections carry them. Its client in front of these (retries, pools that look whether
a connection is alive, hooks) costs more than the command and the round trip together, and each
upload would pay it three times.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from redis import Redis
from redis import exceptions as failures

_MOST_IDLE = 16
# The library's 64 KiB would be what each connection costs; an answer is a few numbers.
_READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Script:
    """A script, known to Redis by the SHA-1 of its text (EVALSHA)."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", sha)


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a script."""

    script: Script
    keys: Sequence[str]
    arguments: Sequence[str | int]

    def command(self) -> tuple[Any, ...]:
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.arguments)

    def whole(self) -> tuple[Any, ...]:
        """The same for a Redis that does not know the script yet."""
        return ("EVAL", self.script.text, len(self.keys), *self.keys, *self.arguments)


@dataclass(frozen=True, slots=True)
class Push:
    """Texts to the head of a list, in this order (LPUSH)."""

    name: str
    texts: Sequence[bytes]

    def command(self) -> tuple[Any, ...]:
        return ("LPUSH", self.name, *self.texts)

    whole = command


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
        self._idle: deque[Any] = deque()

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

    def _take(self) -> tuple[Any, bool]:
        with suppress(IndexError):
            return self._idle.pop(), False
        return self._pool.make_connection(), True

    def _keep(self, connection: Any) -> None:
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.disconnect()


def _ask(connection: Any, calls: Sequence[Call | Push]) -> list[Any]:
    answers = _exchange(connection, [call.command() for call in calls])
    unknown = [n for n, one in enumerate(answers) if isinstance(one, failures.NoScriptError)]
    if unknown:
        again = _exchange(connection, [calls[number].whole() for number in unknown])
        for number, answer in zip(unknown, again, strict=True):
            answers[number] = answer
    return answers


def _exchange(connection: Any, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Send them all, then read all answers: errors of single commands among them.

    A connection that fails on the way is closed by itself.
    """
    connection.send_packed_command(connection.pack_commands(commands), check_health=False)
    return [_answer(connection) for _ in commands]


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except failures.ResponseError as error:
        return error
