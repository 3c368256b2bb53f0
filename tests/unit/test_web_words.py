"""The pages' words: total over the model, and safe where a stranger chose the target."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import facts
from uploads.documents.model import EngineReport, Outcome, State
from uploads.documents.policy import Policy
from uploads.documents.quotas import Quota
from uploads.web import words
from uploads.web.sign_in import is_local


def test_the_room_is_told_where_there_is_a_limit_to_it() -> None:
    used = 12 * 1024 * 1024, 1_234
    assert words.room(Quota(used[0], 10 * 1024**3, used[1], 10_000)) == (
        "12 MiB of 10 GiB and 1,234 of 10,000 files used"
    )
    assert words.room(Quota(used[0], None, used[1], 10_000)) == "1,234 of 10,000 files used"
    assert words.room(Quota(used[0], None, used[1], None)) == ""


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_words(state: State) -> None:
    """No state, with or without a verdict, leaves a hole or a placeholder in its sentence."""
    for verdict in (None, facts.verdict(), facts.verdict(Outcome.UNSCANNABLE, reason="strange")):
        phrase = words.describe(facts.document(state=state, verdict=verdict))
        assert phrase.sentence.endswith((".", "…"))
        assert "{" not in phrase.sentence
        assert phrase.badge


def test_what_is_accepted_is_said_in_a_handful_of_words() -> None:
    """Families, each once; source code and JSON have a symbol of their own."""
    assert words.accepted(Policy(max_bytes=1).types) == (
        "Pictures, PDF, office documents, text, code, ZIP archives, video and audio"
    )
    symbols = {kind.type: words.icon(kind.type) for kind in Policy(max_bytes=1).types}
    assert {symbols[kind] for kind in ("text/x-source", "application/json")} == {"code"}
    icons = (Path(__file__).parents[2] / "uploads" / "static" / "icons.svg").read_text()
    assert all(f'<symbol id="{name}"' in icons for name in symbols.values())


def test_every_outcome_has_a_word() -> None:
    assert set(words.OUTCOMES) == set(Outcome)


def test_a_missing_scanner_is_said_in_the_verdict() -> None:
    """A clean document that no virus scanner saw never reads as if one had."""
    engines = (
        EngineReport("clamav", "", Outcome.NOT_CONFIGURED),
        EngineReport("yara", "1.2", Outcome.CLEAN),
    )
    verdict = facts.verdict(engines=engines)
    sentence = words.describe(facts.document(state=State.CLEAN, verdict=verdict)).sentence
    assert sentence == "Nothing bad found by YARA 1.2. Virus scanner: not configured."


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1,023 bytes"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1 MiB"),
        (100 * 1024**2, "100 MiB"),
        (5 * 1024**4, "5 TiB"),
    ],
)
def test_sizes_read_well(count: int, text: str) -> None:
    assert words.size(count) == text


def test_a_size_to_the_last_byte_reads_well() -> None:
    assert words.exact(1) == "1 byte"
    assert words.exact(100 * 1024**2 + 1) == "104,857,601 bytes"


def test_the_script_names_the_words_that_there_are() -> None:
    """The type of the data block in words.ts has the members that the page hands over."""
    script = (Path(__file__).parents[2] / "frontend" / "src" / "words.ts").read_text()
    page = re.search(r"  page: (Record<.*?);\n", script, re.DOTALL)
    block = re.search(r"interface Words \{\n(.*?)\n\}", script, re.DOTALL)
    assert page is not None
    assert block is not None
    handed = words.for_script(Policy(max_bytes=10))
    assert set(re.findall(r'"(\w+)"', page[1])) == set(handed["page"])
    assert set(re.findall(r"^  (\w+):", block[1], re.MULTILINE)) == set(handed)


def test_the_accepted_families_are_named() -> None:
    policy = Policy(max_bytes=10, allowed=["jpg", "pdf"])
    assert words.accepted(policy.types) == "Pictures and PDF"


@pytest.mark.parametrize("path", ["/documents", "/documents?cursor=a%2Fb", "/documents/doc_1", "/"])
def test_a_path_of_this_site_is_followed_after_signing_in(path: str) -> None:
    assert is_local(path)


@pytest.mark.parametrize(
    "target",
    [
        *("//evil", "/\\evil", "\\/evil", "/\t/evil", "/\n/evil", "https:evil", "https://evil"),
        *("evil", "javascript:alert(1)", "", " /documents", "/a\\b", "/a b", "/\x00"),
        "/a\r\nSet-Cookie: x",
    ],
)
def test_a_strangers_target_is_not_followed(target: str) -> None:
    assert not is_local(target)
