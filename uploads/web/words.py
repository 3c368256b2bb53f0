"""The sentences about documents that people read: one table for the templates and for the script.

The script gets it in the page's data block and chooses a sentence by the same rule (`describe` here
and in frontend/src/words.ts). Sentences about refused requests are in `documents.errors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from uploads.documents.kinds import CODE, PAGED, PICTURED, FileType
from uploads.documents.links import Link
from uploads.documents.model import Document, EngineReport, Outcome, State
from uploads.documents.policy import HEAD_BYTES, Policy
from uploads.documents.quotas import Quota


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a state looks like: a badge of a word or two, its tone, a sentence."""

    badge: str
    tone: str
    sentence: str


STATES: Mapping[State, Phrase] = {
    State.RECEIVING: Phrase("Arriving", "busy", "On its way in."),
    State.QUARANTINED: Phrase("Waiting", "busy", "Waiting for inspection."),
    State.SCANNING: Phrase("Inspecting", "busy", "Being inspected…"),
    State.CLEAN: Phrase("Clean", "good", "Clean – inspected by {engines}."),
    State.INFECTED: Phrase(
        "Malware",
        "bad",
        "Contains malware ({finding}). It was locked away and cannot be downloaded.",
    ),
    State.REJECTED: Phrase(
        "Rejected", "bad", "Rejected because {because} It cannot be downloaded."
    ),
    State.UNSCANNABLE: Phrase(
        "Not inspected",
        "warn",
        "Could not be inspected because {because} It was locked away and cannot be downloaded.",
    ),
    State.FAILED: Phrase(
        "Failed",
        "warn",
        "The inspection failed more than once, so the file cannot be downloaded. Tell the "
        "operator, or upload it again.",
    ),
    State.RELEASED: Phrase(
        "Released",
        "warn",
        "Not clean: two administrators released it after an objection. Open it with care.",
    ),
    State.DELETED: Phrase("Deleted", "muted", "This document was deleted."),
    State.EXPIRED: Phrase("Expired", "muted", "This document has expired and was deleted."),
}

UNSCANNED = "Nothing bad found by {engines}. Virus scanner: not configured."

BECAUSE: Mapping[str, str] = {
    "encrypted": "it is encrypted. Remove its password and upload it again.",
    "too-large": "it unpacks to more than is inspected. Split it and upload the parts.",
    "too-deep": "its archives are nested too deeply. Unpack it and upload what is inside.",
    "bomb": "it unpacks to far more than its size tells, or has more entries or pixels than are "
    "read here. Save it with smaller pictures, or in parts, and upload it again.",
    "timeout": "inspecting it took too long.",
    "active-content": "it carries macros or other active content. Save it without them and "
    "upload it again.",
    "malformed-file": "it is damaged or not what its name says. Save it anew and upload it again.",
    "not-utf-8": "it is JSON in UTF-16 or UTF-32, but JSON is always UTF-8. Save it as UTF-8 and "
    "upload it again.",
    "second-format": "it is two kinds of file in one. Save it anew and upload it again.",
    "trailing-data": "something is attached behind its end. Save it anew without that and upload "
    "it again.",
    "unknown-packing": "something in it is packed in a way that nobody opens here. Unpack that and "
    "upload what is inside.",
    "suspicious": "the virus scanner suspects something in it that is no virus: a link that hides "
    "where it leads, numbers of cards, an unwanted program.",
    "type-mismatch": "its content is not what its name says.",
    "digest-mismatch": "its bytes are not the ones that were announced.",
    "size-mismatch": "it did not arrive whole.",
    "engine-unavailable": "a scanner did not answer.",
}
BECAUSE_UNKNOWN = "no scanner could vouch for it."

ENGINES: Mapping[str, str] = {"clamav": "ClamAV", "yara": "YARA", "structure": "structure check"}

OUTCOMES: Mapping[Outcome, tuple[str, str]] = {
    Outcome.CLEAN: ("Nothing found", "good"),
    Outcome.INFECTED: ("Found", "bad"),
    Outcome.UNSCANNABLE: ("Could not read it", "warn"),
    Outcome.ERROR: ("Did not finish", "warn"),
    Outcome.NOT_CONFIGURED: ("Not configured", "muted"),
    Outcome.NOT_APPLICABLE: ("Not for this kind of file", "muted"),
}

SIGNED_OUT = (
    "You are not signed in, or no longer: nothing of what you sent was taken in. Sign in and send "
    "it again."
)

SIGNED_OUT_AMID = "You were signed out. Sign in, and choose again what is not in your list."

PAGE: Mapping[str, Any] = {
    "waiting": "Waiting for its turn.",
    "sending": "Uploading – {percent} %",
    "arriving": "Being received…",
    "received": "{name} has arrived and waits for inspection.",
    "deleted": "{name} was deleted.",
    "retry_at": "Try again in {seconds} seconds.",
    "paused": "{title}. It goes on by itself in {time}.",
    "stalled": "Nothing has got through for a while. It goes on as soon as the network does.",
    "lost": {
        "title": "The connection broke",
        "detail": "The network or the service did not answer. Check the connection and try again.",
    },
    "strange": {
        "title": "The service answered in an unexpected way",
        "detail": "This request was not carried out. Please try again in a moment.",
    },
    "too_large": {
        "title": "The file is too large",
        "detail": "It has {size}; at most {limit} are accepted. Make it smaller or split it.",
    },
    "unknown_ending": {
        "title": "This kind of file is not accepted",
        "detail": "Save it as one of the kinds that are: {endings}.",
    },
    "unreadable": {
        "title": "The file can no longer be read",
        "detail": "It was changed, moved or deleted since it was chosen. Choose it again.",
    },
    "empty_folder": {
        "title": "There are no files in this folder",
        "detail": "Hidden files are left out.",
    },
    "full_folder": {
        "title": "There are too many files in this folder",
        "detail": "Up to 1,000 are taken. Pack it into one ZIP archive, or drop a part of it.",
    },
    "unreadable_folder": {
        "title": "The folder cannot be read",
        "detail": "Something in it was moved or deleted, or may not be read. Nothing was sent.",
    },
}


# How long a link may last: the form's word, what people read, seconds.
LINK_TIMES: Mapping[str, tuple[str, int | None]] = {
    "hour": ("an hour", 3600),
    "day": ("a day", 86400),
    "week": ("a week", 7 * 86400),
    "month": ("30 days", 30 * 86400),
    "always": ("until I revoke it", None),
}


USUAL_LINK_TIME = "week"


def link_use(link: Link) -> str:
    """How often a link was used, and what it asks for."""
    count = f"{link.downloads:,}"
    if link.max_downloads is not None:
        count = f"{link.downloads:,} of {link.max_downloads:,}"
    one = (link.max_downloads or link.downloads) == 1
    used = f"{count} download{'' if one else 's'}"
    return f"{used}, with a password" if link.password_hash else used


def describe(document: Document) -> Phrase:
    """Say in plain words where a document stands."""
    phrase = STATES[document.state]
    engines = document.verdict.engines if document.verdict else ()
    reason = document.verdict.reason if document.verdict else None
    unscanned = document.state is State.CLEAN and any(
        engine.outcome is Outcome.NOT_CONFIGURED for engine in engines
    )
    findings = [e.finding for e in engines if e.outcome is Outcome.INFECTED and e.finding]
    sentence = (UNSCANNED if unscanned else phrase.sentence).format(
        engines=_listed(engine_name(e) for e in engines if e.outcome is Outcome.CLEAN),
        finding=_listed(dict.fromkeys(findings)),
        because=BECAUSE.get(reason or "", BECAUSE_UNKNOWN),
    )
    return Phrase(phrase.badge, phrase.tone, sentence)


def engine_name(engine: EngineReport) -> str:
    """An engine with its version, as people know it."""
    return f"{ENGINES.get(engine.name, engine.name)} {engine.version}".strip()


def _listed(names: Iterable[str]) -> str:
    *first, last = [*names] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def size(count: int) -> str:
    """A number of bytes for people, in binary units."""
    if count < 1024:
        return exact(count)
    value, units = count / 1024, ["KiB", "MiB", "GiB", "TiB"]
    # One step earlier than 1024, so that rounding never writes "1024.0 KiB".
    while value >= 1023.95 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.1f}".removesuffix(".0") + f" {units[0]}"


def exact(count: int) -> str:
    """A number of bytes to the last one."""
    return "1 byte" if count == 1 else f"{count:,} bytes"


def room(quota: Quota) -> str:
    """How much of the account's space is used, where there is a limit to it."""
    used = [
        f"{size(quota.bytes_used)} of {size(quota.bytes_limit)}" if quota.bytes_limit else "",
        f"{quota.files_used:,} of {quota.files_limit:,} files" if quota.files_limit else "",
    ]
    return f"{_listed(part for part in used if part)} used" if any(used) else ""


_CODE = frozenset({CODE, "application/json"})


def icon(content_type: str) -> str:
    """The name of the symbol in static/icons.svg for a type."""
    if content_type in _CODE:
        return "code"
    kind = content_type.partition("/")[0]
    if kind in {"image", "video", "audio"}:
        return {"image": "picture", "video": "video", "audio": "sound"}[kind]
    marks = {"zip": "archive", "csv": "table", "sheet": "table", "presentation": "slides"}
    return next((name for mark, name in marks.items() if content_type.endswith(mark)), "text")


def last_picture(content_type: str) -> str | None:
    """The name of the rendition that comes last; None where none are to be expected."""
    if content_type not in PICTURED:
        return None
    return "page-1" if content_type in PAGED else "thumbnail-800"


def label(policy: Policy, content_type: str) -> str:
    """What people call a type."""
    kind = policy.by_type(content_type)
    return kind.label if kind else content_type


def accepted(types: Iterable[FileType]) -> str:
    """What may be uploaded, in a handful of words: families, not thirty endings."""
    families = {"image": "Pictures", "video": "video", "audio": "audio", "text": "text"}
    found: dict[str, None] = {}
    for kind in types:
        family = kind.type.partition("/")[0]
        own = {"application/pdf": "PDF", "application/zip": "ZIP archives"}
        own |= dict.fromkeys(_CODE, "code")
        found[own.get(kind.type) or families.get(family, "office documents")] = None
    text = _listed(found)
    return text[:1].upper() + text[1:]


def limits(policy: Policy) -> str:
    """How large files may be: the general limit, and the kinds that have one of their own."""
    own = [
        f"{kind.label} up to {size(policy.limit(kind))}"
        for kind in policy.types
        if policy.limit(kind) != policy.max_bytes
    ]
    return f"up to {size(policy.max_bytes)} each" + (f" ({', '.join(own)})" if own else "")


def for_script(policy: Policy) -> dict[str, Any]:
    """Everything the pages' script needs to speak the same words, as JSON values."""
    return {
        "states": {state.value: asdict(phrase) for state, phrase in STATES.items()},
        "unscanned": UNSCANNED,
        "because": dict(BECAUSE),
        "because_unknown": BECAUSE_UNKNOWN,
        "engines": dict(ENGINES),
        "types": {
            kind.type: {
                "label": kind.label,
                "icon": icon(kind.type),
                "picture": last_picture(kind.type),
            }
            for kind in policy.types
        },
        "page": dict(PAGE),
        "policy": {
            "head_bytes": HEAD_BYTES,
            "endings": {
                ending: policy.limit(kind) for kind in policy.types for ending in kind.extensions
            },
        },
    }
