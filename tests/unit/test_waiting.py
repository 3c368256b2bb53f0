"""Waiting among greenlets with a timer that is kept: answers, bounds of time, and who closes it."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from uploads.waiting import answers_of, readiness_of

_AMONG_GREENLETS = """
from gevent import monkey; monkey.patch_all()
import socket, time, gevent
from uploads.deadlines import Line
from uploads.lanes import Bench, NoTurn
from uploads.waiting import answers_of, readiness_of

here, there = socket.socketpair()
here.settimeout(30)
ask, said = answers_of(here), []
for word in (b"one", b"two"):
    gevent.spawn_later(0.01, there.sendall, word)
    said.append(ask(100).decode())
there.sendall(b"three"); there.sendall(b"four")
said += [ask(5).decode(), ask(5).decode()]
print(*said)

soon = readiness_of(here, 0.01)
for _ in range(2):
    try:
        soon()
    except TimeoutError as error:
        print(error)
there.sendall(b"late"); soon(); print(ask(100).decode())

patient = readiness_of(here, 0.5)
for _ in range(12):
    gevent.spawn_later(0.1, there.sendall, b"x")
    patient(); ask(100)
print("each has all of the time")

def closing():
    try:
        return ask(100)
    except OSError as error:
        return type(error).__name__, isinstance(error, TimeoutError)

waiting = gevent.spawn(closing)
gevent.sleep(0.01); here.close()
print(waiting.get(timeout=20))

one, other = socket.socketpair()
one.settimeout(20)
waiting = gevent.spawn(answers_of(one), 100)
gevent.sleep(0.01); other.close()
print(waiting.get(timeout=20))

# It has come in time, but this process was busy until the time was up.
near, far = socket.socketpair()
first = gevent.spawn(Line(near).first, 0.05)
gevent.sleep(0.01); far.sendall(b"here")
end = time.monotonic() + 0.2
while time.monotonic() < end:
    pass
print(first.get(timeout=20))

go = gevent.event.Event()
bench = Bench(1, lambda errands: [(go.wait(), one.run(None)) for one in errands])
first = gevent.spawn(bench.do, lambda _: "first", 0.01)
gevent.sleep(0)
second = gevent.spawn(bench.do, lambda _: "second", 0.01)
second.join(20)
print(type(second.exception).__name__, first.ready())
go.set()
print(first.get(timeout=20))
"""


def test_among_greenlets() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _AMONG_GREENLETS], capture_output=True, text=True, timeout=120
    )
    assert said.stdout.splitlines() == [
        "one two three four",
        "nothing came in time",
        "nothing came in time",
        "late",
        "each has all of the time",
        "('cancel_wait_ex', False)",
        "b''",
        "b'here'",
        "NoTurn False",
        "first",
    ], said.stderr


def test_without_greenlets_a_socket_is_asked_as_it_is() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(0.01)
        assert readiness_of(here, 1) is None
        with pytest.raises(TimeoutError):
            answers_of(here)(1)
        there.sendall(b"x")
        assert answers_of(here)(1) == b"x"


_GIVING_WAY = """
from gevent import monkey; monkey.patch_all()
import socket, gevent
from gevent.socket import wait_read
from uploads.waiting import give_way

ours, theirs = socket.socketpair()
turns, over = [], []

def busy():
    while not over and len(turns) < 1000:
        turns.append(1)
        give_way()

def read():
    wait_read(ours.fileno())
    over.append(len(turns))

theirs.send(b"x")
gevent.joinall([gevent.spawn(act) for act in (busy, busy, busy, read)], raise_error=True)
print(over[0])
"""


def test_who_gives_way_lets_in_what_has_come() -> None:
    """Those that only pass the turn on among themselves would keep the loop from the kernel."""
    ran = subprocess.run(
        [sys.executable, "-c", _GIVING_WAY], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(ran.stdout) < 20
