"""What happened to documents, in the words that streams and webhooks use for it.

A document is told of from its acceptance on; what died on its way in never was one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from uploads.documents.model import State

TOLD = (
    State.CLEAN,
    State.INFECTED,
    State.REJECTED,
    State.UNSCANNABLE,
    State.FAILED,
    State.RELEASED,
    State.DELETED,
    State.EXPIRED,
)
WITHDRAWN = "document.withdrawn"
TEST = "webhook.test"
NAMES = (*(f"document.{state.value}" for state in TOLD), WITHDRAWN)
"""What a webhook can be told of."""


@dataclass(frozen=True, slots=True)
class Event:
    """A document came into a state, or was changed in it by its owner.

    `number` counts the events of one owner, in the order in which they were committed. `facts` are
    the document's, as `showing.facts_of` has them; of one that was deleted since, the tombstone's.
    """

    owner_id: str
    number: int
    document_id: str
    at: datetime
    facts: Mapping[str, Any]


def name_of(was: State | None, state: State) -> str | None:
    """The event that webhooks are told when a document goes from one state to another."""
    if state is State.QUARANTINED and was is State.CLEAN:
        return WITHDRAWN
    return f"document.{state.value}" if state in TOLD else None
