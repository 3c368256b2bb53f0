"""The structure check: what is refused, with which reason, and what is not refused."""

from __future__ import annotations

import io
import random
import time
from typing import Any

import pytest

from tests.support import benign_files, hostile_archives, hostile_files, moving_pictures
from tests.support.samples import SAMPLES
from uploads.documents.kinds import KNOWN
from uploads.documents.policy import Policy
from uploads.documents.readers.limits import Limits
from workers.inspection import cell_structure

BENIGN = benign_files.all_files()
CLEAN = {"outcome": "clean"}
HOSTILE = {
    **hostile_archives.archives(),
    **hostile_files.documents(),
    **hostile_files.pdfs(),
    **hostile_files.others(),
}


def structure(media_type: str, data: bytes, **limits: int) -> dict[str, Any]:
    options = {**Limits(**limits).options(), "type": media_type}
    result, payload = cell_structure.run(io.BytesIO(data), options)
    assert payload == b""
    return result


@pytest.mark.parametrize("label", BENIGN)
def test_honest_files_are_clean(label: str) -> None:
    assert structure(*BENIGN[label]) == {"outcome": "clean"}


@pytest.mark.parametrize("ending", SAMPLES)
def test_samples_of_every_accepted_type_are_clean(ending: str) -> None:
    kind = Policy(max_bytes=1).by_name(f"a.{ending}").type
    assert structure(kind, SAMPLES[ending]()) == {"outcome": "clean"}


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_files_are_refused_with_their_reason(label: str) -> None:
    media_type, data, reason = HOSTILE[label]
    result = structure(media_type, data)
    assert (result["outcome"], result["reason"]) == ("unscannable", reason), result


@pytest.mark.parametrize("label", hostile_archives.archives())
def test_bombs_cost_little(label: str) -> None:
    media_type, data, _ = HOSTILE[label]
    start = time.process_time()
    structure(media_type, data)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("label", BENIGN)
def test_damaged_files_never_raise(label: str) -> None:
    """Bytes flipped, cut out and doubled: any word will do, but it must be one of ours."""
    media_type, data = BENIGN[label]
    chance = random.Random(label)
    for _ in range(25):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 20)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        cut = sorted(chance.randrange(len(data)) for _ in range(2))
        for sample in (damaged, damaged[: cut[1]] + damaged[cut[0] :]):
            assert structure(media_type, bytes(sample))["outcome"] in ("clean", "unscannable")


def test_every_accepted_type_has_a_check() -> None:
    """A type without a check would be waved through; policy may not know one."""
    for kind in KNOWN:
        assert structure(kind.type, b"\x01nothing\0")["outcome"] == "unscannable", kind.type


def test_a_type_without_a_check_says_so() -> None:
    assert structure("application/x-unknown", b"x") == {"outcome": "not-applicable"}


def test_200_000_empty_entries_are_refused_from_the_end_record() -> None:
    data = hostile_archives.many_empty_entries()
    start = time.process_time()
    assert structure(hostile_files.ZIP, data)["reason"] == "bomb"
    assert time.process_time() - start < 0.1


def test_a_zip64_archive_within_the_limits_is_clean() -> None:
    data = hostile_archives.many_empty_entries(300)
    assert structure(hostile_files.ZIP, data) == {"outcome": "clean"}


def test_entries_of_nested_archives_count_together() -> None:
    inner = benign_files.pack({"a": b"1", "b": b"2"})
    data = benign_files.pack({"x.zip": inner, "y.zip": inner})
    assert structure(hostile_files.ZIP, data, entries=6) == {"outcome": "clean"}
    assert structure(hostile_files.ZIP, data, entries=5)["reason"] == "bomb"


def test_bytes_of_nested_archives_count_together() -> None:
    inner = benign_files.pack({"a": bytes(1000)})
    data = benign_files.pack({"x.zip": inner, "y.zip": inner})
    assert structure(hostile_files.ZIP, data, bytes=2000 + 2 * len(inner)) == {"outcome": "clean"}
    assert structure(hostile_files.ZIP, data, bytes=1999 + 2 * len(inner))["reason"] == "bomb"


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_of_what_moves_the_canvas_is_limited(form: str) -> None:
    """One frame is drawn, so a recording may have many."""
    media_type, data = f"image/{form.lower()}", benign_files.animation(form)
    assert structure(media_type, data, pixels=32 * 32) == {"outcome": "clean"}
    assert structure(media_type, data, pixels=32 * 32 - 1)["reason"] == "bomb"


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_so_many_frames_are_a_bomb_however_small(form: str) -> None:
    media_type, one = f"image/{form.lower()}", benign_files.animation(form)
    assert structure(media_type, moving_pictures.with_frames(form, one, 30_000)) == CLEAN
    more = structure(media_type, moving_pictures.with_frames(form, one, 30_001))
    assert (more["reason"], more["finding"]) == ("bomb", "picture: too many frames")


@pytest.mark.parametrize("label", BENIGN)
def test_a_file_cut_anywhere_never_raises(label: str) -> None:
    media_type, data = BENIGN[label]
    for part in range(1, 12):
        result = structure(media_type, data[: len(data) * part // 12])
        assert result["outcome"] in ("clean", "unscannable")


@pytest.mark.parametrize("media_type", sorted({kind for kind, _ in BENIGN.values()}))
def test_warm_up_survives_its_own_samples(media_type: str) -> None:
    cell_structure.warm_up({**Limits().options(), "type": media_type})


def test_values_that_are_objects_of_their_own_are_no_damage() -> None:
    """Office suites and printers write lengths of streams so."""
    bodies = [
        b"<</Type /Catalog /Pages 2 0 R>>",
        b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
        b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R>>",
        b"<</Length 5 0 R>>\nstream\n0 0 9 9 re f\nendstream",
        b"12",
        *(b"null", b"true", b"1.5", b"/Name", b"(text)", b"[1 2]"),
    ]
    made = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(bodies, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(bodies) + 1
    end = b"trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, len(made))
    made += b"xref\n0 %d\n0000000000 65535 f \n" % count + table + end
    assert structure("application/pdf", bytes(made)) == {"outcome": "clean"}
