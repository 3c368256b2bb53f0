"""What a browser may do with bytes that a link hands out: a little more for films and pictures."""

from __future__ import annotations

import pytest

from uploads.documents.access import served_type
from uploads.documents.kinds import KNOWN
from uploads.security.headers import of_linked

NOTHING_ELSE = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
STRICT = f"sandbox; default-src 'none'; {NOTHING_ELSE}"
DRAWN = f"sandbox; default-src 'none'; style-src 'unsafe-inline'; {NOTHING_ELSE}"
PLAYED = f"sandbox allow-same-origin; default-src 'none'; media-src 'self'; {NOTHING_ELSE}"
WIDER = {
    **dict.fromkeys(("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"), DRAWN),
    **dict.fromkeys(("video/mp4", "video/webm"), PLAYED),
    **dict.fromkeys(("audio/mpeg", "audio/mp4", "audio/wav", "audio/ogg"), PLAYED),
}
OTHERS = ("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/zip", "")


@pytest.mark.parametrize("kind", [*(served_type(one.type) for one in KNOWN), *OTHERS])
def test_only_shown_films_and_pictures_are_given_more(kind: str) -> None:
    """Text, SVG, HTML and all others keep the strictest policy, however they are sent."""
    mimetype = kind.partition(";")[0]
    assert of_linked(mimetype, 'inline; filename="a"') == WIDER.get(mimetype, STRICT)


def test_our_page_with_a_player_has_a_style_as_well() -> None:
    """It is the only HTML without a disposition: what was uploaded always has one."""
    assert of_linked("text/html", "") == f"{PLAYED}; style-src 'self'"


@pytest.mark.parametrize("disposition", ["", 'attachment; filename="inline"', "inlined"])
@pytest.mark.parametrize("mimetype", WIDER)
def test_what_is_saved_is_given_nothing(mimetype: str, disposition: str) -> None:
    """An attachment opens no page, whatever its type."""
    assert of_linked(mimetype, disposition) == STRICT
