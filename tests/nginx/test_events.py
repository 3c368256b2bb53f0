"""Streams of events through the shipped nginx: each event arrives when it happens."""

from __future__ import annotations

import pytest

from tests.support.grants import TEXT
from tests.support.people import Person
from tests.support.streams import states, streaming

pytestmark = pytest.mark.one_database


def test_events_pass_the_proxy_as_they_come(carol: Person) -> None:
    """The stream is open and has no end: what nginx kept back would never be seen."""
    with streaming(carol) as told:
        next(told)
        document_id = carol.upload("a.txt", TEXT)
        assert [one.state for one in states(told, document_id, "clean")][-1] == "clean"
        with streaming(carol, f"/documents/{document_id}/events") as one:
            assert [event.state for event in one if event.kind == "state"] == ["clean"]
