"""What answers and events tell of what is gone, of how long to wait, of a body that is cut off."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from flask import Response

from tests.support import facts
from uploads.bodies import whole
from uploads.documents.errors import Malformed, SizeMismatch
from uploads.documents.model import Rendition, State
from uploads.documents.showing import facts_of
from uploads.security import limits
from uploads.security.one_trip import Told

PICTURE = Rendition("thumbnail-200", "image/webp", 200, 100, 1_000, "k/1")


@pytest.mark.parametrize("state", [State.DELETED, State.EXPIRED])
def test_what_is_gone_has_no_pictures_in_its_event_either(state: State) -> None:
    """The event is recorded before they are: it is what GET shows from that moment on."""
    assert facts_of(facts.document(state=state, renditions=(PICTURE,)))["renditions"] == []
    shown = facts_of(facts.document(state=State.CLEAN, renditions=(PICTURE,)))
    assert [one["name"] for one in shown["renditions"]] == ["thumbnail-200"]


def test_who_refused_knows_best_how_long_to_wait() -> None:
    """The limit of requests, which was not passed, would tell of its own window."""
    told = Told("default", 600, 60, 17, int(time.time()) + 60)
    refused = Response(status=429, headers={"Retry-After": "10"})
    limits._describe(told, refused)
    assert refused.headers["Retry-After"] == "10"
    refused = Response(status=429)
    limits._describe(told, refused)
    assert int(refused.headers["Retry-After"]) in range(55, 61)


def test_a_small_body_that_ends_early_is_malformed_and_no_file() -> None:
    def cut_off() -> NoReturn:
        raise SizeMismatch

    with pytest.raises(Malformed, match="did not arrive whole"):
        whole(cast(Any, SimpleNamespace(get_data=cut_off)))
