"""Forms mean the same however they are cut, and to whoever reads them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.mutants import FILE, of_forms
from tests.support.raw import BOUNDARY, FORM_TYPE, form
from tests.unit.test_bodies import Cut, request
from uploads import bodies
from uploads.delimited import says_twice
from uploads.documents.errors import Malformed, UploadsError
from uploads.inbound import Inbound

MUTANTS = 400
WHOLE = 1_000_000
ONE, OTHER = form((FILE, b"one")), form((FILE, b"other"))
LINE = b"Content-Disposition: " + FILE


def parts(body: bytes, most: int = WHOLE) -> Iterator[tuple[str, str | None, bytes]]:
    """The parts of a form of which so many bytes come at a time."""
    made, cut = request(body, FORM_TYPE), Cut(body)
    cut.most = most
    made.environ["wsgi.input"] = Inbound(cut, len(body))
    for one in bodies.form_parts(made, 5):
        yield one.field, one.filename, b"".join(one.pieces)


def meaning(body: bytes, most: int = WHOLE) -> object:
    try:
        return list(parts(body, most))
    except UploadsError as error:
        return error.code


@pytest.mark.parametrize("seed", [form((FILE, b"--x\r\n-")), ONE[:-4] + b"\r\n" + OTHER])
def test_what_a_form_means_does_not_go_by_how_it_is_cut(seed: bytes) -> None:
    """Mutants of forms, each in one piece, in pieces of some bytes and of one."""
    for mutant in of_forms(MUTANTS, 1, seed):
        whole = meaning(mutant.content)
        for most in (1, 7):
            assert meaning(mutant.content, most) == whole, (mutant.label, most)


@pytest.mark.parametrize("most", [1, 50, WHOLE])
@pytest.mark.parametrize(
    "body",
    [ONE + OTHER, OTHER[:-2] + ONE, b"--%b--\r\n" % BOUNDARY.encode() + ONE, b"before\r\n" + ONE],
)
def test_a_form_begins_and_ends_once(body: bytes, most: int) -> None:
    """A second form behind the first one would be passed over by some, and read by others."""
    assert meaning(ONE, most) == [("file", "a.txt", b"one")]
    assert meaning(b"\r\n" + ONE, most) == meaning(ONE)
    assert meaning(body, most) == "malformed"


@pytest.mark.parametrize(
    "line",
    [
        LINE + b"\nContent-Type: text/html",
        LINE + b"\rContent-Type: text/html",
        b"\n" + LINE,
        LINE.replace(b":", b" :"),
        LINE + b'; filename="b.php"',
        LINE + b"; FILENAME=b.php",
        b"Content-Disposition: form-data; name=x; " + FILE.partition(b"; ")[2],
    ],
)
def test_a_part_whose_headers_others_read_otherwise_is_refused(line: bytes) -> None:
    with pytest.raises(Malformed):
        list(parts(ONE.replace(LINE, line)))


def test_two_boundaries_are_none() -> None:
    made = request(ONE, f"{FORM_TYPE}; boundary=other")
    with pytest.raises(Malformed):
        list(bodies.form_parts(made, 5))


@pytest.mark.parametrize(
    "header",
    [
        "attachment; filename=a.txt; filename*=UTF-8''a.txt",
        'attachment; filename="a; x=1; x=2.txt"',
        'form-data; name="file"; filename="a\\"; filename=\\"b.txt"',
        "attachment; filename=a=b=c.txt",
        "attachment",
    ],
)
def test_what_only_looks_as_if_it_came_twice_is_read(header: str) -> None:
    assert not says_twice(header)
