"""Mutants of honest files, forms and requests: bytes flipped, cut, doubled, spliced. Seeded, so
that every run makes the same ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.support import samples
from tests.support.raw import form

MOST_FLIPS = 50
# Values that parsers stumble over: ends of ranges of lengths, counts and offsets.
_EDGES = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff")
FILE = b'form-data; name="file"; filename="a.txt"'

# What means something to those who take requests and forms apart.
_SIGNS = (
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b";", b",", b'"', b"\\", b"%", b"%00"),
    *(b"--", b"-1", b"9" * 20, b"f" * 17, b"\xff", b"\xc3\x28", b"chunked", b"HTTP/1.0"),
    *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: x\r\n"),
    *(b"Expect: 100-continue\r\n", b"Connection: keep-alive\r\n"),
)
# Each with a host and a key to be filled in.
_TO = b" HTTP/1.1\r\nHost: %b\r\nAuthorization: Bearer %b\r\n"
_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhi\n\r\n--b--\r\n'
)
_JSON = b'{"documents":["doc_x"]}'
REQUESTS = {
    "form": b"POST /api/v1/documents" + _TO + b"Content-Type: multipart/form-data; boundary=b\r\n"
    b"Idempotency-Key: k\r\nContent-Length: " + str(len(_FORM)).encode() + b"\r\n\r\n" + _FORM,
    "chunks": b"POST /api/v1/documents?name=a.txt" + _TO + b"Transfer-Encoding: chunked\r\n"
    b"Content-Disposition: attachment; filename*=UTF-8''b.txt\r\n\r\n"
    b"6\r\nhello \r\n6;x=y\r\nthere\n\r\n0\r\nX: y\r\n\r\n",
    "json": b"POST /api/v1/links" + _TO + b"Content-Type: application/json\r\n"
    b"Content-Length: " + str(len(_JSON)).encode() + b"\r\n\r\n" + _JSON,
    "list": b"GET /api/v1/documents?limit=3&state=clean&q=a" + _TO + b'If-None-Match: "x"\r\n'
    b"Range: bytes=0-1\r\nCookie: session=a\r\n\r\n",
}

Mutation = Callable[[random.Random, bytes], bytes]


def _flip(dice: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.randint(1, MOST_FLIPS)):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _flip_head(dice: random.Random, data: bytes) -> bytes:
    """Most of what decides stands in front."""
    end = min(len(data), 512)
    return _flip(dice, data[:end]) + data[end:]


def _flip_tail(dice: random.Random, data: bytes) -> bytes:
    start = max(0, len(data) - 512)
    return data[:start] + _flip(dice, data[start:])


def _cut(dice: random.Random, data: bytes) -> bytes:
    return data[: dice.randrange(len(data))]


def _edge(dice: random.Random, data: bytes) -> bytes:
    value, at = dice.choice(_EDGES), dice.randrange(len(data))
    return data[:at] + value + data[at + len(value) :]


def _double(dice: random.Random, data: bytes) -> bytes:
    start, end = sorted(dice.randrange(len(data)) for _ in range(2))
    return data[:end] + data[start:end] * dice.randint(1, 9) + data[end:]


def _drop(dice: random.Random, data: bytes) -> bytes:
    start, end = sorted(dice.randrange(len(data)) for _ in range(2))
    return data[:start] + data[end:]


def _splice(dice: random.Random, data: bytes) -> bytes:
    """The front of one kind and the rest of another one."""
    other = samples.SAMPLES[dice.choice(sorted(samples.SAMPLES))]()
    return data[: dice.randrange(len(data))] + other[dice.randrange(len(other)) :]


MUTATIONS: tuple[Mutation, ...] = (
    _flip,
    _flip_head,
    _flip_tail,
    _cut,
    _edge,
    _double,
    _drop,
    _splice,
)


@dataclass(frozen=True)
class Mutant:
    """`label` names it again: what it was made from, and which one of them it is."""

    label: str
    name: str
    content: bytes


def of_files(count: int, seed: int) -> Iterator[Mutant]:
    """`count` mutants of each accepted type."""
    for ending, make in samples.SAMPLES.items():
        whole = make()
        for number in range(count):
            dice = random.Random(f"{seed}/{ending}/{number}")
            mutate = MUTATIONS[number % len(MUTATIONS)]
            yield Mutant(
                f"{ending} {number} {mutate.__name__[1:]}", f"a.{ending}", mutate(dice, whole)
            )


def of_forms(count: int, seed: int, whole: bytes = b"") -> Iterator[Mutant]:
    """`count` mutants of a form's framing, its body and all; of a small one unless told."""
    whole = whole or form((FILE, samples.txt()))
    for number in range(count):
        dice = random.Random(f"{seed}/form/{number}")
        mutate = MUTATIONS[number % len(MUTATIONS)]
        yield Mutant(f"form {number} {mutate.__name__[1:]}", "a.txt", mutate(dice, whole))


def of_requests(count: int, seed: int, host: str, key: str) -> Iterator[Mutant]:
    """`count` mutants of each request, with signs that mean something strewn in."""
    for name, request in REQUESTS.items():
        whole = request % (host.encode(), key.encode())
        for number in range(count):
            dice = random.Random(f"{seed}/{name}/{number}")
            mutate = MUTATIONS[number % len(MUTATIONS)]
            # Every other one has its bytes as they were, but for the signs.
            content = mutate(dice, whole) if number % 2 else whole
            yield Mutant(f"{name} {number}", name, _strew(dice, content))


def _strew(dice: random.Random, data: bytes) -> bytes:
    for _ in range(dice.randint(1, 3)):
        sign, at = dice.choice(_SIGNS), dice.randrange(len(data) + 1)
        data = data[:at] + sign + data[at + dice.choice((0, len(sign))) :]
    return data
