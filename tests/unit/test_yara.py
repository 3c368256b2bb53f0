"""YARA: what our rules find, where they look, and what happens when they are broken."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import benign_files, hostile_archives, hostile_files
from uploads.documents.readers.limits import Limits
from workers.inspection import cell_yara, rulebook
from workers.inspection.rulebook import RULES_DIR, RulesBroken
from workers.inspection.yara import Yara

BENIGN = benign_files.all_files()
INFECTED = hostile_files.infected_files()
NOT_SEEN = {
    **hostile_archives.archives(),
    **{k: v for k, v in hostile_files.pdfs().items() if v[2] in ("encrypted", "bomb", "too-deep")},
}


def options(*folders: Path, **limits: int) -> dict[str, Any]:
    folders = folders or (RULES_DIR,)
    return {
        **Limits(**limits).options(),
        "folders": [str(one) for one in folders],
        "signatures": rulebook.digest(*folders),
    }


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    cell_yara.warm_up(options())


def yara(media_type: str, data: bytes, **limits: int) -> dict[str, Any]:
    result, payload = cell_yara.run(io.BytesIO(data), {**options(**limits), "type": media_type})
    assert payload == b""
    return result


@pytest.mark.parametrize("label", BENIGN)
def test_honest_files_are_clean(label: str) -> None:
    assert yara(*BENIGN[label]) == {"outcome": "clean"}


@pytest.mark.parametrize("label", INFECTED)
def test_hostile_files_are_found(label: str) -> None:
    result = yara(*INFECTED[label])
    assert result["outcome"] == "infected"
    assert result["finding"] == "EICAR_Test_File" or "eicar" not in label


@pytest.mark.parametrize("label", NOT_SEEN)
def test_what_cannot_be_unpacked_is_not_clean(label: str) -> None:
    media_type, data, reason = NOT_SEEN[label]
    result = yara(media_type, data)
    assert result["outcome"] in ("unscannable", "infected"), result
    assert result.get("reason", reason) == reason


def test_eicar_in_gzip_is_found() -> None:
    import gzip

    data = benign_files.pack({"a.gz": gzip.compress(b"x") + gzip.compress(hostile_files.eicar())})
    assert yara("application/zip", data)["outcome"] == "infected"


@pytest.mark.parametrize("before", [2**25 - 30, 2**25 - 2**16 - 10, 2**26 - 2**16 - 30])
def test_nothing_hides_on_the_border_of_a_window(before: int) -> None:
    assert yara("text/plain", bytes(before) + hostile_files.eicar())["outcome"] == "infected"


def test_a_program_does_not_hide_behind_a_flood_of_heads() -> None:
    """Only so many matches are kept: so many of them are a find by themselves."""
    bare, nearly = b"MZ" * 2_000_000, (b"MZ".ljust(0x3C, b"\0") + b"\0\4\0\0") * 20_000
    assert yara("image/jpeg", bare) == {"outcome": "clean"}
    for flood in (bare, nearly):
        found = yara("image/jpeg", flood + bytes(5000) + hostile_files.program())
        assert found["finding"] == "Windows_Program_Embedded"


@pytest.mark.parametrize(
    "word", [b"eval( ", b"<?php ", b"#!/", b"gzinflate(", b"a", b"\x7fELF\2\1\1"]
)
def test_a_flood_of_matches_costs_little(word: bytes) -> None:
    """Less than a second of the processor for 10 MB, and it is no find."""
    data = word * (10_000_000 // len(word))
    began = time.process_time()
    assert yara("image/jpeg", data) == {"outcome": "clean"}
    assert time.process_time() - began < 1


def test_a_find_inside_counts_more_than_a_limit_behind_it() -> None:
    data = benign_files.pack({"a.com": hostile_files.eicar(), "b.zip": hostile_files.eicar_zip(3)})
    assert yara("application/zip", data)["outcome"] == "infected"


def test_programs_in_plain_zip_files_are_left_to_the_virus_scanner() -> None:
    data = benign_files.pack({"setup.exe": hostile_files.program()})
    assert yara("application/zip", data) == {"outcome": "clean"}


def test_no_rule_file_is_itself_a_find() -> None:
    for path in RULES_DIR.glob("*.yar"):
        assert yara("text/plain", path.read_bytes()) == {"outcome": "clean"}


class NoCell:
    def run(self, *_: object, **__: object) -> Any:
        raise AssertionError("nothing is to be run")


@pytest.mark.parametrize(
    "text",
    ["rule a { condition: nonsense }", "rule a {", 'rule a { strings: $a="b" condition: true }'],
)
def test_a_rule_that_does_not_compile_stops_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "good.yar").write_text("rule good { condition: false }")
    (tmp_path / "bad.yar").write_text(text)
    with pytest.raises(RulesBroken, match=r"bad\.yar"):
        Yara(NoCell(), rules_dir=tmp_path)
    with pytest.raises(RulesBroken):
        cell_yara.warm_up(options(tmp_path))


def test_an_operators_rules_stand_beside_ours(tmp_path: Path) -> None:
    """What either knows is found; one of theirs that does not compile stops the start as well."""
    rule = tmp_path / "own.yar"
    rule.write_text('rule Own { strings: $a = "our own word" condition: $a }')
    cell_yara.warm_up(options(RULES_DIR, tmp_path))
    try:
        assert yara("text/plain", b"it is our own word")["finding"] == "Own"
        assert yara("text/plain", hostile_files.eicar())["finding"] == "EICAR_Test_File"
    finally:
        cell_yara.warm_up(options())
    ours, both = Yara(NoCell()), Yara(NoCell(), more_rules=tmp_path)
    assert ours.signatures() != both.signatures()
    rule.write_text("rule Own { condition: nonsense }")
    with pytest.raises(RulesBroken, match=r"own\.yar"):
        Yara(NoCell(), more_rules=tmp_path)
    rule.unlink()
    with pytest.raises(RulesBroken, match=r"UPLOADS_YARA_RULES: .*: no rules"):
        Yara(NoCell(), more_rules=tmp_path)


def test_what_is_wrong_with_a_rule_is_one_line_that_says_where(tmp_path: Path) -> None:
    """Of a running engine as well: it says so itself, and is well again once it is mended."""
    rule = tmp_path / "own.yar"
    rule.write_text("rule Own { condition: false }")
    engine = Yara(NoCell(), more_rules=tmp_path)
    assert engine.fault() == ""
    rule.write_text("rule Own {\n  condition: nonsense\n}")
    assert engine.fault() == (
        f"cannot be used: UPLOADS_YARA_RULES: {rule}, line 2: unknown identifier `nonsense` (this "
        "identifier has not been declared). Mend this file or take it out of the folder"
    )
    rule.write_bytes(b"rule Own { condition: false } // \xff")
    assert f"UPLOADS_YARA_RULES: {rule}: it is not UTF-8. " in engine.fault()
    rule.write_text("rule Own { condition: true }")
    assert engine.fault() == ""


def test_no_rules_at_all_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(RulesBroken, match="no rules"):
        Yara(NoCell(), rules_dir=tmp_path)


def test_a_changed_rule_changes_the_hash(tmp_path: Path) -> None:
    rule = tmp_path / "a.yar"
    rule.write_text("rule a { condition: false }")
    engine = Yara(NoCell(), rules_dir=tmp_path)
    before = engine.signatures()
    rule.write_text("rule a { condition: true }")
    assert engine.signatures() != before
