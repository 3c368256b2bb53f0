"""Every member of an archive is put through the engine, by the real cell."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from tests.support import samples
from tests.support.benign_files import pack
from uploads.documents.model import EngineReport, Outcome
from uploads.documents.readers.limits import Limits
from workers.inspection.bundles import SMALL_BYTES
from workers.inspection.cell_members import MORE, _members
from workers.inspection.engine import EngineLate, EngineSlowed, EngineUnavailable, Subject
from workers.inspection.members import WithMembers
from workers.sandbox.answer import MalformedReply, Reply
from workers.sandbox.frames import LARGEST, Frames, framed
from workers.sandbox.parent import Cell, CellCrashed

ZIP = "application/zip"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
BAD = b"what this engine does not like"


class Recording:
    """An engine that keeps what it was shown, and finds BAD."""

    name = "clamav"

    def __init__(self, cause: Exception | None = None) -> None:
        self.seen: list[bytes] = []
        self.begun = 0
        self._cause = cause

    def begin(self) -> Recording:
        self.begun += 1
        return self

    def inspect(self, subject: Subject) -> EngineReport:
        data = subject.path.read_bytes()
        assert len(data) == subject.size
        assert hashlib.sha256(data).hexdigest() == subject.sha256
        self.seen.append(data)
        if self._cause and len(self.seen) > 1:
            raise self._cause
        found = data == BAD
        outcome = Outcome.INFECTED if found else Outcome.CLEAN
        return EngineReport(
            "clamav", "1.4", outcome, "7/2026-11-01", "Bad.Thing" if found else None
        )


@pytest.fixture(scope="module")
def cell() -> Iterator[Cell]:
    cell = Cell(seconds=120, memory_bytes=1 << 30)
    yield cell
    cell.close()


@pytest.fixture
def inspect(cell: Cell, tmp_path: Path) -> Callable[..., EngineReport]:
    def judged(engine: Recording, data: bytes, media_type: str = ZIP, **more: Any) -> EngineReport:
        path = tmp_path / "subject"
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        limits, seconds = more.get("limits", Limits()), more.get("seconds", 600)
        asked = WithMembers(engine, more.get("cell", cell), limits, seconds)
        try:
            return asked.inspect(Subject(path, len(data), digest, media_type, "a.zip"))
        finally:
            assert list(tmp_path.iterdir()) == [path]

    return judged


def test_the_file_and_then_each_member_to_the_depth(inspect: Callable[..., EngineReport]) -> None:
    """Whole, nested and empty ones, large ones, each exactly as it was packed."""
    large = random.Random(7).randbytes(5 * LARGEST // 2)
    inner = pack({"c": b"three", "empty": b""})
    data = pack({"a": b"one", "large": large, "inner.zip": inner})
    engine = Recording()
    report = inspect(engine, data)
    assert (report.outcome, report.signatures) == (Outcome.CLEAN, "7/2026-11-01")
    assert engine.seen == [data, b"one", large, inner, b"three", b""]
    assert engine.begun == 1


def test_one_bad_member_is_the_word_for_all(inspect: Callable[..., EngineReport]) -> None:
    engine = Recording()
    report = inspect(engine, pack({"a": b"one", "b": pack({"c": BAD}), "d": b"never shown"}))
    assert (report.outcome, report.finding) == (Outcome.INFECTED, "Bad.Thing")
    assert b"never shown" not in engine.seen


class Careful(Recording):
    """Finds BAD wherever it stands in what it is shown, so in a bundle as well."""

    def inspect(self, subject: Subject) -> EngineReport:
        report = super().inspect(subject)
        if BAD not in self.seen[-1]:
            return report
        return replace(report, outcome=Outcome.INFECTED, finding="Bad.Thing")


def test_many_small_members_are_shown_in_bundles(inspect: Callable[..., EngineReport]) -> None:
    """Each byte of each, and a large one among them by itself; the last bundle is not full."""
    members = {str(number): b"small %d" % number for number in range(32 + 256 + 5)}
    members["50"] = large = random.Random(5).randbytes(SMALL_BYTES + 1)
    engine = Recording()
    assert inspect(engine, pack(members)).outcome is Outcome.CLEAN
    assert engine.seen[1:33] == list(members.values())[:32]
    assert engine.seen[33] == large
    assert len(engine.seen) == 36
    bundled = []
    for data in engine.seen[34:]:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            files = [tar.extractfile(entry) for entry in tar]
        bundled += [file.read() for file in files if file]
    assert bundled == [data for data in list(members.values())[32:] if data is not large]


@pytest.mark.parametrize("place", [33, 100, 299])
def test_one_bad_member_of_a_bundle_is_found_and_shown_alone(
    inspect: Callable[..., EngineReport], place: int
) -> None:
    members = {str(number): b"small %d" % number for number in range(300)} | {str(place): BAD}
    engine = Careful()
    report = inspect(engine, pack(members))
    assert (report.outcome, report.finding) == (Outcome.INFECTED, "Bad.Thing")
    assert engine.seen[-1] == BAD


def test_what_only_a_bundle_is_said_of_is_nobodys(inspect: Callable[..., EngineReport]) -> None:
    """The end of one member and the beginning of the next make no virus."""

    class Confused(Recording):
        def inspect(self, subject: Subject) -> EngineReport:
            report = super().inspect(subject)
            doubted = b"ustar" in self.seen[-1]
            return replace(report, outcome=Outcome.UNSCANNABLE) if doubted else report

    engine = Confused()
    members = {str(number): b"small %d" % number for number in range(60)}
    assert inspect(engine, pack(members)).outcome is Outcome.CLEAN
    assert engine.seen[-28:] == list(members.values())[32:]


def test_what_is_no_archive_is_shown_once(inspect: Callable[..., EngineReport]) -> None:
    engine = Recording()
    assert inspect(engine, b"text", "text/plain").outcome is Outcome.CLEAN
    assert engine.seen == [b"text"]


def test_attachments_and_parts_of_documents_are_members(
    inspect: Callable[..., EngineReport],
) -> None:
    """A PDF's attachment, which ClamAV does not unpack, and what is in an Office document."""
    document = pikepdf.new()
    document.add_blank_page()
    document.attachments["a.txt"] = BAD
    out = io.BytesIO()
    document.save(out)
    word = samples.docx_file()
    for data, media_type in ((out.getvalue(), "application/pdf"), (word, DOCX)):
        engine = Recording()
        report = inspect(engine, data, media_type)
        assert len(engine.seen) > 1
        assert report.outcome is (Outcome.INFECTED if b"%PDF" in data[:4] else Outcome.CLEAN)


def test_an_engine_that_falls_silent_is_unavailable(inspect: Callable[..., EngineReport]) -> None:
    with pytest.raises(EngineUnavailable, match="gone"):
        inspect(Recording(EngineUnavailable("gone")), pack({"a": b"one"}))


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(entries=1), "bomb"),
        (Limits(depth=1), "too-deep"),
    ],
)
def test_a_limit_is_no_clean(
    inspect: Callable[..., EngineReport], limits: Limits, reason: str
) -> None:
    data = pack({"a": b"one", "b": pack({"c": b"two"})})
    report = inspect(Recording(), data, limits=limits)
    assert (report.outcome, report.reason) == (Outcome.UNSCANNABLE, reason)


def test_members_that_take_too_long_make_the_engine_late(
    inspect: Callable[..., EngineReport],
) -> None:
    """Their time is the engine's, who may have had much to do, and is counted with its own."""
    with pytest.raises(EngineLate) as caught:
        inspect(Recording(), pack({"a": b"one"}), seconds=0)
    assert not isinstance(caught.value, EngineSlowed)


class Says:
    """A cell whose child hands out these frames, and then says that all is well."""

    def __init__(self, *frames: bytes) -> None:
        self._frames = frames

    def run(self, *_: Any, sink: Callable[[bytes], None], **__: Any) -> Reply:
        for frame in self._frames:
            sink(frame)
        return Reply({"outcome": "clean"})


@pytest.mark.parametrize("frames", [(b"Mhalf",), (b"Mone", b"E", b"Mhalf"), (b"?",), (b"EE",)])
def test_frames_out_of_form_are_never_clean(
    inspect: Callable[..., EngineReport], frames: tuple[bytes, ...]
) -> None:
    """A member without an end, and a word that there is not."""
    report = inspect(Recording(), pack({"a": b"one"}), cell=Says(*frames))
    assert (report.outcome, report.reason) == (Outcome.UNSCANNABLE, "malformed-file")


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_frames_come_through_in_any_pieces(size: int) -> None:
    taken: list[bytes] = []
    said = b"".join(framed([b"abc", b"d" * LARGEST, b"d"])) + b'{"the": "reply"}\n'
    frames, kept = Frames(taken.append), b""
    for at in range(0, len(said), size * 997):
        kept += frames.pass_on(said[at : at + size * 997])
    assert taken == [b"abc", b"d" * LARGEST, b"d"]
    assert kept == b'{"the": "reply"}\n'


def test_what_is_larger_than_a_frame_is_never_cut() -> None:
    """Its second half would begin with a byte of the file in place of the mark."""
    with pytest.raises(ValueError, match="a frame of"):
        list(framed([b"d" * (LARGEST + 1)]))


@pytest.mark.parametrize("size", [LARGEST - 1, LARGEST, 3 * LARGEST + 5])
def test_a_large_member_is_shown_as_it_is(size: int) -> None:
    """Pictures in RTF come out of it in one piece: each byte of it is the engine's to see."""
    content = bytes(at * 7 % 251 for at in range(1000)) * (size // 1000 + 1)
    content = content[: size - 8] + b"\xff\xd8\xff\xe0MEME"
    rtf = rb"{\rtf1 {\pict\jpegblip " + content.hex().encode() + b"}}"
    shown, member = [], b""
    for frame in _members(io.BytesIO(rtf), "application/rtf", Limits()):
        assert len(frame) <= LARGEST
        if frame[:1] == MORE:
            member += frame[1:]
        else:
            shown.append(member)
            member = b""
    assert content in shown


def test_a_frame_beyond_the_bound_is_none() -> None:
    with pytest.raises(MalformedReply):
        Frames(lambda _: None).pass_on((LARGEST + 1).to_bytes(4, "big"))


@pytest.mark.usefixtures("hostile")
def test_a_child_that_hands_out_nonsense_has_crashed(file: Any) -> None:
    cell = Cell(seconds=60, memory_bytes=1 << 28)
    with pytest.raises(CellCrashed, match="a frame of"):
        cell.run("hostile", file, {"act": "html"}, warm={"act": "html"}, sink=lambda _: None)
    cell.close()
