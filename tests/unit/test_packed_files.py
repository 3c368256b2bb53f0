"""What is packed inside of a file is unpacked and looked at, or the file is not clean."""

from __future__ import annotations

import io
import random
import tarfile
import zlib
from collections.abc import Iterator
from typing import Any

import pikepdf
import pytest

from tests.support import acting_objects, closed_files, ole_files, packed_files
from tests.support.benign_files import pack
from tests.support.packed_files import ZIP, tar
from tests.support.pdf_filters import CHAINS, attached
from uploads.documents.readers.limits import Budget, Limits, Refusal
from workers.inspection import cell_structure, cell_yara, kept, rulebook
from workers.inspection.filters import undo_filter
from workers.inspection.pdf_files import attachments
from workers.inspection.predictors import undo_predictor
from workers.inspection.rulebook import RULES_DIR
from workers.inspection.walk import walk

VIRUS = packed_files.packed_virus() | {
    f"eicar in {label}": (ZIP, pack({"a": data})) for label, data in ole_files.virus().items()
}
VIRUS |= acting_objects.virus()
REFUSED = packed_files.packed_refused() | {
    label: (ZIP, pack({"a": data}), reason)
    for label, (data, reason) in {
        **{label: (data, "unknown-packing") for label, data in closed_files.closed().items()},
        **ole_files.refused(),
    }.items()
}
HONEST = packed_files.packed_honest() | {
    label: (ZIP, pack({"a": data}))
    for label, data in {**closed_files.open_(), **ole_files.honest()}.items()
}


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    rules = {"folders": [str(RULES_DIR)], "signatures": rulebook.digest(RULES_DIR)}
    cell_yara.warm_up({**Limits().options(), **rules})


def _ask(task: Any, media_type: str, data: bytes, **limits: Any) -> dict[str, Any]:
    options = {**Limits(**limits).options(), "type": media_type}
    found, payload = task.run(io.BytesIO(data), options)
    assert payload == b""
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("label", VIRUS)
def test_a_virus_is_found_in_every_packing(label: str) -> None:
    """And only there: what it is packed in is in order."""
    assert _ask(cell_yara, *VIRUS[label])["finding"] == "EICAR_Test_File"
    assert _ask(cell_structure, *VIRUS[label]) == {"outcome": "clean"}


@pytest.mark.parametrize("label", REFUSED)
def test_what_is_not_opened_is_never_clean(label: str) -> None:
    media_type, data, reason = REFUSED[label]
    assert _ask(cell_structure, media_type, data)["reason"] == reason
    assert _ask(cell_yara, media_type, data).get("reason", reason) == reason
    assert _ask(cell_yara, media_type, data)["outcome"] != "clean"


@pytest.mark.parametrize("label", HONEST)
def test_what_only_looks_like_it_is_clean(label: str) -> None:
    assert _ask(cell_structure, *HONEST[label]) == {"outcome": "clean"}
    assert _ask(cell_yara, *HONEST[label]) == {"outcome": "clean"}


def _members(data: bytes, media_type: str = ZIP, **limits: Any) -> dict[str, bytes]:
    found = walk(io.BytesIO(data), media_type, Limits(**limits))
    return {member.label: b"".join(member.chunks) for member in found}


def test_everything_comes_out_as_it_was_packed() -> None:
    """Of tars of each form, with sizes around their blocks, long names and several levels."""
    chance = random.Random(3)
    files = {
        f"{'n' * 150}/{size}": chance.randbytes(size) for size in (0, 1, 511, 512, 513, 70_000)
    }
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        found = _members(pack({"a.tar": tar(files, form)}))
        assert {label.removeprefix("a.tar!"): data for label, data in found.items()} == {
            "a.tar": tar(files, form),
            **files,
        }


def test_a_tar_in_its_compression_is_one_level() -> None:
    data = VIRUS["eicar in tar.xz in zip"][1]
    assert set(_members(data, depth=2)) == {"a", "a!content", "a!content!a.txt", "a!content!b.com"}
    with pytest.raises(Refusal, match="too-deep"):
        _members(data, depth=1)


def test_entries_of_tars_count_with_the_others() -> None:
    data = pack({"a.tar": tar({str(number): b"" for number in range(9)})})
    assert len(_members(data, entries=10)) == 10
    with pytest.raises(Refusal, match="too many entries"):
        _members(data, entries=9)


def test_many_small_bombs_are_one() -> None:
    """Each entry is below what is judged by itself."""
    zeros = bytes(1024 * 1024)
    data = pack({str(number): zeros for number in range(300)})
    assert len(data) < 400_000
    assert _ask(cell_structure, ZIP, data)["finding"] == "compression ratio of the whole"


def test_what_is_packed_at_the_end_of_much_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so much of a member is held; an archive behind it is not opened, and not clean."""
    monkeypatch.setattr(kept, "HELD_BYTES", 1 << 20)
    lead = random.Random(1).randbytes(2 << 20)
    honest, hidden = pack({"a": lead}), pack({"a": lead + packed_files.pack({"b": b"c"})})
    assert _ask(cell_structure, ZIP, honest) == {"outcome": "clean"}
    assert _ask(cell_structure, ZIP, hidden)["reason"] == "too-large"


def test_time_is_judged_while_unpacking() -> None:
    data = pack({"a": b"text"})
    for task in (cell_structure, cell_yara):
        assert _ask(task, ZIP, data, deadline=1.0)["reason"] == "timeout"


def _undone(document: bytes, step: int) -> bytes:
    ((raw, filters),) = attachments(io.BytesIO(document), Budget(Limits()))
    pieces: Iterator[bytes] = (raw[at : at + step] for at in range(0, len(raw), step))
    for name, parameters in filters:
        pieces = undo_filter(name, parameters, pieces)
    return b"".join(pieces)


@pytest.mark.parametrize("label", CHAINS)
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_filters_come_to_what_qpdf_makes_of_them(label: str, step: int) -> None:
    """However the data are cut; of numbers that repeat, and of such that do not."""
    chance = random.Random(label)
    for size in (0, 1, 5, 4000):
        data = bytes(chance.choice(b"ab\0\xff") for _ in range(size)) + chance.randbytes(size // 4)
        document = attached(CHAINS[label], data)
        found = _undone(document, step)
        assert found.startswith(data)
        assert len(found) - len(data) < 32
        with pikepdf.open(io.BytesIO(document)) as opened:
            level = pikepdf.StreamDecodeLevel.specialized
            assert opened.Root["/Attached"].read_bytes(level) == found


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("predictor", [2, 15])
def test_predictors_come_to_what_qpdf_makes_of_them(predictor: int, bits: int) -> None:
    """Random rows, all of PNG's filters among them, of one and more colours."""
    chance = random.Random(bits)
    for colors in (1, 2, 3, 4):
        columns = 8 * chance.randint(1, 9)
        row = columns * colors * bits // 8
        kind = (lambda: bytes((chance.randint(0, 4),))) if predictor == 15 else bytes
        raw = b"".join(kind() + chance.randbytes(row) for _ in range(5))
        named = {"/Predictor": predictor, "/Columns": columns, "/Colors": colors}
        named |= {"/BitsPerComponent": bits}
        document = pikepdf.new()
        stream = document.make_stream(zlib.compress(raw))
        stream["/Filter"] = pikepdf.Name.FlateDecode
        stream["/DecodeParms"] = pikepdf.Dictionary(named)
        assert b"".join(undo_predictor(iter([raw]), named)) == stream.read_bytes()


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("/ASCIIHexDecode", b"0x"),
        ("/ASCII85Decode", b"ab\x01de"),
        ("/ASCII85Decode", b"abz"),
        ("/ASCII85Decode", b"uuuuu"),
        ("/ASCII85Decode", b"a~>"),
        ("/RunLengthDecode", b"\x05ab"),
        ("/LZWDecode", b"\x80\x7f\xff"),
        ("/FlateDecode", b"\x78\x9c"),
        ("/FlateDecode", b"\x78\x9c\x03\0\0\0\0\1more"),
    ],
)
def test_damaged_data_of_a_filter_are_refused(name: str, raw: bytes) -> None:
    with pytest.raises(Refusal, match="malformed-file"):
        list(undo_filter(name, {}, iter([raw])))
