"""Links of OpenDocuments beside those in texts: on cells, and on shapes of a slide."""

from __future__ import annotations

import io

import pytest

from tests.support.benign_files import ODF, opendocument, with_members
from uploads.documents.readers.limits import Limits
from workers.inspection import cell_structure

_NAMES = " ".join(f'xmlns:{name}="{name}"' for name in ("o", "p", "s", "style", "other", "xlink"))


def _reason(content: str) -> str | None:
    part = f"<o:document {_NAMES}>{content}</o:document>".encode()
    kind = ODF + "presentation"
    data = with_members(opendocument(kind), {"content.xml": part})
    options = {**Limits().options(), "type": kind}
    return cell_structure.run(io.BytesIO(data), options)[0].get("reason")


def _listener(address: str, action: str = "show", event: str = "dom:click", more: str = "") -> str:
    return (
        f'<p:event-listener s:event-name="{event}" p:action="{action}" '
        f'xlink:href="{address}" xlink:type="simple" {more}/>'
    )


def _cell(address: str) -> str:
    return f'<style:hyperlink xlink:href="{address}" xlink:type="simple"/>'


@pytest.mark.parametrize(
    "content",
    [
        _cell("https://example.org/x?a=b#c"),
        _cell("mailto:a@example.org"),
        _cell("#Sheet.B2"),
        _listener("https://example.org"),
        _listener("mailto:a@example.org"),
        _listener("#page2", "next-page"),
    ],
)
def test_what_waits_for_a_click_may_lead_to_the_web(content: str) -> None:
    assert _reason(content) is None


@pytest.mark.parametrize(
    "content",
    [
        _cell("file:///C:/x.exe"),
        _cell("//host/x"),
        _cell("vnd.sun.star.script:x"),
        _cell(".uno:Quit"),
        _listener("file:///C:/x.exe"),
        _listener("//host/x"),
        _listener("%2f%2fhost/x"),
        _listener("x.exe"),
        _listener("javascript:x"),
        _listener("macro:x"),
        _listener(".uno:Quit"),
        _listener("https://example.org", "execute"),
        _listener("https://example.org", "sound"),
        _listener("https://example.org", "next-page"),
        _listener("https://example.org", event="on-load"),
        _listener("https://example.org", event=""),
        _listener("https://example.org", more='s:language="ooo:script"'),
        _listener("https://example.org", more='s:macro-name="x"'),
    ],
)
def test_what_runs_or_leads_elsewhere_is_refused(content: str) -> None:
    assert _reason(content) == "active-content"


@pytest.mark.parametrize("said", ['other:event-name="on-load"', 'other:action="execute"'])
def test_a_listener_that_says_two_things_is_refused(said: str) -> None:
    assert _reason(_listener("https://example.org", more=said)) == "malformed-file"
