"""Mutants of honest files and of forms: bytes flipped, cut, doubled, spliced. Seeded, so that every
run makes the same ones.
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


def of_forms(count: int, seed: int) -> Iterator[Mutant]:
    """`count` mutants of a form's framing, its body and all."""
    whole = form((FILE, samples.txt()))
    for number in range(count):
        dice = random.Random(f"{seed}/form/{number}")
        mutate = MUTATIONS[number % len(MUTATIONS)]
        yield Mutant(f"form {number} {mutate.__name__[1:]}", "a.txt", mutate(dice, whole))
