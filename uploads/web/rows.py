"""What the templates show of a document: ready words and addresses, no decisions left to make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from uploads.documents.model import GONE, Document, EngineReport, Rendition, State
from uploads.documents.policy import Policy
from uploads.web import words

# A picture is made after the verdict, and waits its turn behind other files. A document that has
# none after this time gets none. As in frontend/src/model.ts.
PICTURE_WAIT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Row:
    """One document, for _row.html and document.html.

    `thumbnail` is an address or None; `exact_size` is None where `size` says as much.
    """

    id: str
    name: str
    type: str
    icon: str
    size: str
    exact_size: str | None
    state: str
    tone: str
    badge: str
    sentence: str
    thumbnail: str | None
    created_at: datetime
    served: bool
    gone: bool
    busy: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A rendition that a page shows, in pixels."""

    url: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class EngineLine:
    """One engine's word, for document.html."""

    name: str
    version: str
    word: str
    tone: str
    finding: str | None
    signatures: str | None


def row(document: Document, policy: Policy, now: datetime) -> Row:
    """Everything one line of the list shows."""
    phrase = words.describe(document)
    thumbnail = picture(document, "thumbnail-200")
    return Row(
        id=document.id,
        name="" if document.state in GONE else document.name,
        type=words.label(policy, document.type),
        icon=words.icon(document.type),
        size=words.size(document.size),
        exact_size=words.exact(document.size) if document.size >= 1024 else None,
        state=document.state.value,
        tone=phrase.tone,
        badge=phrase.badge,
        sentence=phrase.sentence,
        thumbnail=thumbnail.url if thumbnail else None,
        created_at=document.created_at,
        served=document.servable,
        gone=document.state in GONE,
        busy=not document.settled or _picture_due(document, now),
    )


def picture(document: Document, name: str) -> Picture | None:
    """The rendition of that name, at the API's address, which asks again who is looking."""
    if document.state is not State.CLEAN:
        return None
    found: Rendition | None = next((r for r in document.renditions if r.name == name), None)
    if found is None:
        return None
    url = f"/api/v1/documents/{document.id}/renditions/{found.name}"
    return Picture(url, found.width, found.height)


def pages(document: Document) -> list[Picture]:
    """The previews of a document's first pages, in order; none where there is one page only."""
    named = (picture(document, one.name) for one in document.renditions if _is_page(one))
    found = [one for one in named if one is not None]
    return found if len(found) > 1 else []


def engine_line(engine: EngineReport) -> EngineLine:
    """One engine's report in words. What could not be read says why."""
    word, tone = words.OUTCOMES[engine.outcome]
    return EngineLine(
        name=words.ENGINES.get(engine.name, engine.name),
        version=engine.version,
        word=word,
        tone=tone,
        finding=engine.finding or engine.reason,
        signatures=engine.signatures,
    )


def _complete(document: Document) -> bool:
    """Whether all pictures that are to be expected are there."""
    last = words.last_picture(document.type)
    return last is None or any(one.name == last for one in document.renditions)


def _is_page(rendition: Rendition) -> bool:
    return rendition.name.startswith("page-")


def _picture_due(document: Document, now: datetime) -> bool:
    return (
        document.state is State.CLEAN
        and not _complete(document)
        and now - document.updated_at < PICTURE_WAIT
    )
