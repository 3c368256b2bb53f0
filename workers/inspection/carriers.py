"""Files that are no archives and carry others all the same: what is in each, one after the other.

Old Office documents, rich text, mail, texts of pictures and tags of sound. For the parser cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from uploads.documents.readers.limits import Budget
from workers.inspection.deflated import id3_tag, inflated, png_notes
from workers.inspection.mails import parts_of
from workers.inspection.ole import Compound, read_ole
from workers.inspection.rtf_digits import blobs_of

_MAIL = "__properties_version1.0"  # MS-OXMSG, 2.4
Carried = Iterator[tuple[str, Iterator[bytes]]]


def _ole(file: BinaryIO, budget: Budget) -> tuple[str, Carried]:
    """Each stream as programs read it, whose pieces may lie anywhere, and what is packed in it."""
    compound = read_ole(file)
    budget.enter(len(compound.entries))
    is_mail = any(each.name == _MAIL for each in compound.entries)
    return "archive" if is_mail else "document", _streams(compound, budget)


def _streams(compound: Compound, budget: Budget) -> Carried:
    for entry in compound.entries:
        data = compound.read(entry, entry.size)
        yield entry.name, iter([data])
        for pieces in inflated(data, budget):
            budget.enter(1)
            yield "packed", pieces


def _rtf(file: BinaryIO, budget: Budget) -> tuple[str, Carried]:
    return "document", (("digits", iter([each])) for each in blobs_of(file, budget))


def _mail(file: BinaryIO, budget: Budget) -> tuple[str, Carried]:
    return "archive", (("part", iter([each])) for each in parts_of(file, budget))


def _png(file: BinaryIO, budget: Budget) -> tuple[str, Carried]:
    return "document", _packed(png_notes(file, budget), budget)


def _id3(file: BinaryIO, budget: Budget) -> tuple[str, Carried]:
    return "document", _packed(id3_tag(file), budget)


def _packed(texts: Iterator[bytes], budget: Budget) -> Carried:
    for text in texts:
        for pieces in inflated(text, budget):
            budget.enter(1)
            yield "packed", pieces


CARRIERS: dict[str, Callable[[BinaryIO, Budget], tuple[str, Carried]]] = {
    "ole": _ole,
    "rtf": _rtf,
    "mail": _mail,
    "png": _png,
    "id3": _id3,
}
"""By what a file begins as: what it may be within, and names and bytes of what is in it."""
