"""Which way each of many files takes. Looks at sizes, sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from uploads_client.desk import BESIDE
from uploads_client.files import File, Item, Sent
from uploads_client.sources import Content

# A request with the bytes is done before one for a grant and another to complete it would be.
_SMALL = 64 * 1024
# What the service grants in a batch.
_LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """Sizes by which the ways part, in bytes, and how many files go at a time."""

    stream_up_to: int
    put_up_to: int
    at_once: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Files that are streamed, granted in batches, or sent alone after all others.

    `refused` are those that cannot be sent, `size` all bytes of the others, where that is known.
    """

    bounds: Bounds
    streamed: Sequence[Item]
    granted: Sequence[Item]
    alone: Sequence[Item]
    refused: Sequence[Sent]

    @property
    def items(self) -> Sequence[Item]:
        return (*self.streamed, *self.granted, *self.alone)

    @property
    def size(self) -> int | None:
        sizes = [item.size for item in self.items]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    @property
    def threads(self) -> int:
        """As many as can be of use."""
        count = self.bounds.at_once + (BESIDE if self.granted else 0)
        return min(count, len(self.streamed) + len(self.granted))


def planned(contents: Iterable[Content | File], type_: str | None, bounds: Bounds) -> Plan:
    """The ways of all of these."""
    small = min(_SMALL, bounds.stream_up_to)
    large = min(_LARGEST, bounds.put_up_to)
    streamed, granted, alone, refused = list[Item](), list[Item](), list[Item](), list[Sent]()
    for place, given in enumerate(contents):
        try:
            item = Item(place, given, type_)
        except (OSError, ValueError) as error:
            refused.append(Sent(place, given, error=error))
            continue
        if item.size is None or item.size <= small:
            streamed.append(item)
        else:
            (granted if item.size <= large else alone).append(item)
    return Plan(bounds, streamed, granted, alone, refused)
