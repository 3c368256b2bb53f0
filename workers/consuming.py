"""How workers take hints from Redis: one that Redis was not told about is done all the same.

A worker takes as many hints as it has processes, and the next one when one is acknowledged. kombu
counts a hint as under way until Redis has heard of its end. So where Redis is away just then, its
place is taken for ever; and a worker whose places are all taken asks Redis for nothing, does not
notice that its connection is dead, and is deaf from then on. And where Redis is full, so that it
cannot keep what a worker has taken, kombu's error ends the whole worker and the work in its hands.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from celery import Celery
from kombu.transport import redis, virtual
from redis.exceptions import ResponseError

# A host that vanished says nothing: whoever waits for its next word would wait for ever (tcp(7)).
_ASKED_AFTER = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
_log = structlog.get_logger(__name__)


class QoS(redis.QoS):
    """Frees the place of a hint whether or not Redis hears of it: jobs are in the database.

    What Redis still keeps of it comes again after the visibility timeout, and has expired by then.
    """

    def append(self, message: Any, delivery_tag: str) -> None:
        try:
            super().append(message, delivery_tag)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            _log.warning("redis_keeps_no_hints", cause=type(error).__name__)
            virtual.QoS.append(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        with self._freeing(delivery_tag):
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        with self._freeing(delivery_tag):
            super().reject(delivery_tag, requeue)  # type: ignore[no-untyped-call]

    @contextmanager
    def _freeing(self, delivery_tag: str) -> Iterator[None]:
        """Raises what a broken connection raises, so that another one is made."""
        try:
            yield
        except ResponseError as error:
            _log.warning("redis_keeps_no_hints", cause=type(error).__name__)
            virtual.QoS.ack(self, delivery_tag)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


def consume(app: Celery) -> Celery:
    """Have a worker's app take hints in this way; the same app."""
    # By the class that every address of Redis leads to: a transport of our own could be named
    # for some of them only.
    redis.Channel.QoS = QoS
    named = {name: number for name, number in _ASKED_AFTER.items() if hasattr(socket, name)}
    options = {getattr(socket, name): number for name, number in named.items()}
    app.conf.broker_transport_options = {
        **app.conf.broker_transport_options,
        "socket_keepalive": True,
        "socket_keepalive_options": options,
    }
    return app
