"""Reading PDFs with qpdf, for the parser cell: every object of every revision, and the files in it.

A file may hold more than its newest table names: earlier revisions, which readers can go back to,
and objects that only a program that repairs tables would see. Each is looked at, or the file is
refused; nothing is looked for by following references. Nothing here decodes a page or a picture.
Knows no verdict.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO

import pikepdf

from uploads.documents.readers.limits import Budget, Refusal
from workers.inspection.pdf_bytes import beginning, bytes_of, revisions, shift_of
from workers.inspection.pdf_seen import INSIDE, NAME, NOTHING, WHOLE, Place, Seen

_DEPTH = 100
_ELSEWHERE = ("/F", "/Ref")
_OPENED_PER_STEP = 24
_VISIT = 4  # steps that looking into one dictionary costs, beside those for each object
_TABLE_BYTES = 2 * 1024 * 1024
_MOST_TABLE_BYTES = 256 * 1024 * 1024


def open_pdf(file: BinaryIO, *, repair: bool = True) -> pikepdf.Pdf:
    """Open a PDF, damaged cross-references repaired as readers do. Raises: Refusal.

    Tables and packed objects unpack to a bound that follows the file's size.
    """
    bound = min(_MOST_TABLE_BYTES, _TABLE_BYTES + 16 * file.seek(0, io.SEEK_END))
    pikepdf.settings.set_qpdf_limits(flate_max_memory=bound, run_length_max_memory=bound)
    file.seek(0)
    try:
        pdf = pikepdf.open(
            file, suppress_warnings=True, inherit_page_attributes=False, attempt_recovery=repair
        )
    except pikepdf.PasswordError as error:
        raise Refusal("encrypted", "pdf: needs a password") from error
    except (pikepdf.PdfError, RuntimeError, ValueError) as error:
        if "encryption" in str(error):
            raise Refusal("encrypted", "pdf: encrypted in a way that is not read") from error
        raise Refusal("malformed-file", "pdf: cannot be read") from error
    if pdf.is_encrypted and not _is_known(pdf):
        pdf.close()
        raise Refusal("encrypted", "pdf: encrypted in a way that is not read")
    return pdf


def steps_to_open(size: int) -> int:
    """What opening a file costs, as steps of a budget, where qpdf has to look for its objects."""
    return size // _OPENED_PER_STEP


def _is_known(pdf: pikepdf.Pdf) -> bool:
    of = pdf.encryption
    methods = (of.stream_method, of.string_method, of.file_method)
    return all(method.name != "unknown" for method in methods)


def dictionaries(
    file: BinaryIO, words: Sequence[str], budget: Budget
) -> Iterator[tuple[pikepdf.Pdf, pikepdf.Object]]:
    """Yield every dictionary and stream in which one of these names stands, and perhaps others.

    Also those written inside of another object, those of earlier revisions, and trailers; with the
    revision they belong to, which is open until the next is asked for; and streams whose data may
    be in another file. A file may have hundreds of thousands of objects, and each costs a hundred
    microseconds to look into; qpdf writes one out in a few, always with its names unescaped. A name
    that is an object of its own may stand for a value anywhere: then, and where an object is nested
    deeply, nothing is left out.

    Raises: Refusal, also for more objects than a file of its size has, and where one of the names
    stands in what no table of the file knows.
    """
    data = bytes_of(file)
    seen = Seen(words, shift_of(data))
    budget.begin(len(data))
    budget.look(steps_to_open(len(data)))
    with open_pdf(file) as pdf:
        for found in _found(pdf, seen, budget):
            yield pdf, found
    for end in revisions(data):
        with _earlier(beginning(data, end)) as older:
            if older is not None:
                for found in _found(older, seen, budget):
                    yield older, found
    seen.check_rest(data, budget)


@contextmanager
def _earlier(part: BinaryIO) -> Iterator[pikepdf.Pdf | None]:
    """The file as it was; None where it cannot be read: then its objects are nobody's."""
    opened: pikepdf.Pdf | None = None
    try:
        opened = open_pdf(part, repair=False)
    except Refusal as refusal:
        if refusal.reason != "malformed-file":
            raise
    try:
        yield opened
    finally:
        if opened is not None:
            opened.close()


def _found(pdf: pikepdf.Pdf, seen: Seen, budget: Budget) -> Iterator[pikepdf.Object]:
    table = pdf.get_xref_table()
    budget.look(1 + len(table) // 4)
    places = seen.places(table)
    chosen = _chosen(pdf, places, seen, budget)
    if any("limit exceeded" in str(one) for one in pdf.get_warnings()):
        raise Refusal("bomb", "pdf: a table out of proportion")
    for root in (pdf.trailer, *(pdf.get_object(number) for number in chosen)):
        for found in _inside(root, budget):
            yield found
            _note_files(pdf, found, places, seen)


def _chosen(
    pdf: pikepdf.Pdf, places: Mapping[tuple[int, int], Place], seen: Seen, budget: Budget
) -> Sequence[tuple[int, int]]:
    """The numbers of objects that must be looked into. What an object says is written out once."""
    chosen, hits, everything, again = [], seen.hits, False, seen.revives(places)
    for number, place in places.items():
        hit = hits.get(place)
        if hit is None or (again and hit == NOTHING):
            root: object = pdf.get_object(number)
            written = b""
            if isinstance(root, pikepdf.Stream):
                written = root.stream_dict.unparse(resolved=True)
                if b"/ObjStm" in written:
                    _note_packed(root, place, seen)
            # Numbers that are objects of their own come as values of Python; nothing is in them.
            elif isinstance(root, pikepdf.Object):
                written = root.unparse(resolved=True)
            elif root is None:
                seen.nulls.add(place)
            budget.look(1 + len(written) // 64)
            hit = hits[place] = seen.hit(written) or _may_be_elsewhere(root)
        if hit:
            chosen.append(number)
            everything = everything or hit == NAME
    return list(places) if everything else chosen


def _may_be_elsewhere(root: object) -> int:
    """Whether a stream may have its data in another file. Elsewhere these names are everywhere."""
    if not isinstance(root, pikepdf.Stream):
        return NOTHING
    return INSIDE if any(key in root for key in _ELSEWHERE) else NOTHING


def _note_packed(stream: pikepdf.Stream, place: Place, seen: Seen) -> None:
    """Keep of packed objects that no table names whether one of the words is among them."""
    count: object = stream.get("/N")
    if not isinstance(count, int) or len(seen.packed[place[0]]) < count:
        unpacked: bytes | None = None
        with suppress(pikepdf.PdfError):
            unpacked = stream.read_bytes()
        seen.note_packed(place, count if isinstance(count, int) else None, unpacked)


def _note_files(
    pdf: pikepdf.Pdf,
    found: pikepdf.Object,
    places: Mapping[tuple[int, int], Place],
    seen: Seen,
) -> None:
    """What is attached is walked by itself: what stands in its bytes is no object of this file."""
    for stream in embedded(found):
        if pdf.is_encrypted and stream.get("/Type") != "/EmbeddedFile":
            of = pdf.encryption
            if of.file_method != of.stream_method:
                raise Refusal("encrypted", "pdf: a file of another encryption than the rest")
        place = places.get(stream.objgen)
        if place is not None and place[1] == WHOLE:
            seen.files[place] = len(stream.read_raw_bytes())


def _inside(root: pikepdf.Object, budget: Budget) -> Iterator[pikepdf.Object]:
    pending: list[tuple[object, int]] = [(root, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > _DEPTH:
            raise Refusal("malformed-file", "pdf: objects nested too deep")
        if isinstance(value, (pikepdf.Dictionary, pikepdf.Stream)):
            yield value
            budget.look(_VISIT + len(value.keys()) // 4)
            children = [child for _, child in value.items()]
        elif isinstance(value, pikepdf.Array):
            budget.look(_VISIT + len(value) // 4)
            children = list(value)
        else:
            continue
        # What has a number of its own comes by itself; following it would never end.
        pending += [
            (child, depth + 1)
            for child in children
            if isinstance(child, pikepdf.Object) and not child.is_indirect
        ]


_SPECIFIED, _DIRECT = ("/EF", "/RF"), ("/AdditionalStreams", "/Sound", "/3DD")
EMBEDDING = (*_SPECIFIED, *_DIRECT, "/EmbeddedFile", "/3D", "/EP")
"""Names that stand where a file is: ISO 32000-2, 7.11, 13.3, 13.6; LibreOffice's own document."""
_TYPES = ("/EmbeddedFile", "/Sound", "/3D")
_DRAWN = ("/Image", "/Form")
_LISTED = 4


def embedded(found: pikepdf.Object) -> list[pikepdf.Stream]:
    """The streams that this dictionary hands out as files, itself among them. Raises: Refusal.

    Pages name their pictures and fonts as they like, also by one of these names.
    """
    if isinstance(found.get("/EF"), pikepdf.Dictionary) and "/EP" in found:
        raise Refusal("encrypted", "pdf: an encrypted payload")
    if isinstance(found, pikepdf.Stream) and found.get("/Type") in _TYPES:
        return [found]
    streams: list[pikepdf.Stream] = []
    for key in _SPECIFIED:
        value = found.get(key)
        if isinstance(value, pikepdf.Dictionary) and (key == "/EF" or "/Subtype" not in value):
            streams += _streams(value, _LISTED)
    for key in _DIRECT:
        listed = _streams(found.get(key), _LISTED)
        streams += [each for each in listed if each.get("/Subtype") not in _DRAWN]
    return streams


def _streams(value: object, depth: int) -> Iterator[pikepdf.Stream]:
    """Streams in dictionaries and lists: each system may have its own file, and related ones."""
    if isinstance(value, pikepdf.Stream):
        yield value
    elif isinstance(value, (pikepdf.Dictionary, pikepdf.Array)) and depth:
        inner = value.values() if isinstance(value, pikepdf.Dictionary) else value
        for each in inner:
            yield from _streams(each, depth - 1)
