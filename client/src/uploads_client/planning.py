"""Which way each of many files takes. Looks at sizes, sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from uploads_client import forms
from uploads_client.desk import BESIDE
from uploads_client.files import File, Item, Sent
from uploads_client.sources import Content

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
    """Files that are streamed, posted in forms of many, granted in batches, or sent alone at last.

    `refused` are those that cannot be sent, `size` all bytes of the others, where that is known.
    """

    bounds: Bounds
    streamed: Sequence[Item]
    posted: Sequence[Item]
    granted: Sequence[Item]
    alone: Sequence[Item]
    refused: Sequence[Sent]

    @property
    def items(self) -> Sequence[Item]:
        return (*self.streamed, *self.posted, *self.granted, *self.alone)

    @property
    def size(self) -> int | None:
        sizes = [item.size for item in self.items]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    @property
    def threads(self) -> int:
        """As many as can be of use."""
        count = self.bounds.at_once + (BESIDE if self.granted else 0)
        return min(count, len(self.streamed) + len(self.posted) + len(self.granted))


def planned(contents: Iterable[Content | File], type_: str | None, bounds: Bounds) -> Plan:
    """The ways of all of these."""
    small = min(forms.LARGEST, bounds.stream_up_to)
    large = min(_LARGEST, bounds.put_up_to)
    streamed, posted, granted, alone = list[Item](), list[Item](), list[Item](), list[Item]()
    refused = list[Sent]()
    for place, given in enumerate(contents):
        try:
            item = Item(place, given, type_)
        except (OSError, ValueError) as error:
            refused.append(Sent(place, given, error=error))
            continue
        if item.size is None:
            streamed.append(item)
        elif item.size <= small:
            (posted if forms.can_be_named(item.name) else streamed).append(item)
        else:
            (granted if item.size <= large else alone).append(item)
    if len(posted) == 1:
        streamed.append(posted.pop())
    return Plan(bounds, streamed, posted, granted, alone, refused)
