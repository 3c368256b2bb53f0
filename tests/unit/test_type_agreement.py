"""Name, declared type and the whole content agree, or the door refuses the file."""

from __future__ import annotations

import functools

import pytest

from tests.support import endings, samples
from uploads.documents.errors import MalformedFile, TypeMismatch
from uploads.documents.kinds import KNOWN
from uploads.documents.policy import HEAD_BYTES, Policy
from uploads.web.words import BECAUSE

ORDINARY = [kind for kind in KNOWN if not kind.active]
POLICY = Policy(max_bytes=1000)
TEXTS = {"txt", "csv", "md", "py"}
# Content under another ending: many recorders write the general brand into sound, exports called
# .mp4 keep QuickTime's, JSON is text.
MAY_PASS = {("mp4", "m4a"), ("mov", "mp4"), *(("json", text) for text in TEXTS)}


HONEST = endings.honest_endings()


@functools.cache
def whole(ending: str) -> bytes:
    return samples.SAMPLES[ending]()


def passes(name: str, content: str, declared: str | None) -> bool:
    """Whether the door lets the whole file in."""
    try:
        kind = POLICY.judge(name, declared, whole(content)[:HEAD_BYTES])
        watch = POLICY.watch(kind, declared)
        watch.feed(whole(content))
        watch.close()
    except (TypeMismatch, MalformedFile):
        return False
    return True


@pytest.mark.parametrize("label", HONEST)
def test_what_readers_let_pass_is_recognised_by_its_head(label: str) -> None:
    """Every honest file comes so far that its reader is asked."""
    media_type, data = HONEST[label]
    kind = POLICY.by_type(media_type)
    assert kind is not None
    assert POLICY.judge(f"a.{kind.extensions[0]}", None, data[:HEAD_BYTES]) is kind


@pytest.mark.parametrize("declared", [None, *(kind.type for kind in KNOWN)])
def test_only_agreement_passes(declared: str | None) -> None:
    """Ending × content × declared type, the whole file seen: all three agree, or it is refused."""
    for kind in ORDINARY:
        first = kind.extensions[0]
        for content in samples.SAMPLES:
            same = first == content or {first, content} <= TEXTS or (content, first) in MAY_PASS
            alias = declared is None or declared == kind.type or declared in kind.declared
            assert passes(f"a.{first}", content, declared) is (same and alias), content


@pytest.mark.parametrize(
    ("name", "content", "sentence", "found"),
    [
        ("a.zip", "docx", "a ZIP archive, but its content looks like a Word document", "word"),
        ("a.docx", "zip", "a Word document, but its content looks like a ZIP archive", "/zip"),
        ("a.odt", "zip", "OpenDocument text, but its content looks like a ZIP archive", "/zip"),
    ],
)
def test_a_package_is_named_by_its_members(
    name: str, content: str, sentence: str, found: str
) -> None:
    """What the head leaves open the table shows, and the answer says it like any mismatch."""
    watch = POLICY.watch(POLICY.by_name(name), "application/zip")
    watch.feed(whole(content))
    with pytest.raises(TypeMismatch) as refused:
        watch.close()
    assert f"By its name this should be {sentence}." in refused.value.public
    assert found in refused.value.members["detected_type"]
    assert refused.value.members["declared_type"] == "application/zip"


@pytest.mark.parametrize(
    "reason", ["trailing-data", "bomb", "encrypted", "not-utf-8", "malformed-file"]
)
def test_a_refused_structure_has_the_verdicts_word(reason: str) -> None:
    """The problem's member is what the verdict's reason would be, with a sentence of its own."""
    refused = MalformedFile(reason)
    assert refused.members == {"reason": reason}
    assert refused.public.endswith("send it again.")
    assert (refused.public == MalformedFile.sentence) is (reason == "malformed-file")
    damaged = f"{MalformedFile.title} {refused.public} {BECAUSE[reason]}"
    assert ("damaged" in damaged) is (reason == "malformed-file")
