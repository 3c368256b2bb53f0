"""PDFs that fetch, send or open something unasked, and honest ones that look alike."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.pdf_places import revised, stream, written

PDF, HOST = "application/pdf", b"(\\\\\\\\host\\\\x)"
Files = dict[str, tuple[str, bytes]]
_PAGE = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] %s>>"
_STAYS = b"<</S /GoTo /D [3 0 R /Fit] /Next %s>>"
_FORM = b"/Subtype /Form /BBox [0 0 9 9]"

_FETCHING = {
    "address": b"<</S /URI /URI (http://127.0.0.1:9/x)>>",
    "other file": b"<</S /GoToR /F %s /D [0 /Fit]>>" % HOST,
    "file in another file": b"<</S /GoToE /F %s /D [0 /Fit] /T <</R /C /N (a)>>>>" % HOST,
    "thread of another file": b"<</S /Thread /F %s /D 0>>" % HOST,
    "form that is sent": b"<</S /SubmitForm /F <</FS /URL /F (http://127.0.0.1:9/x)>>>>",
    "film": b"<</S /Movie /T (a)>>",
    "rendition": b"<</S /Rendition /OP 0 /R <</S /MR /C <</S /MCD /D %s>>>>>>" % HOST,
    "kind that is not known": b"<</S /Fetch /F %s>>" % HOST,
}


def _opening(action: bytes, more: Mapping[int, bytes] | None = None) -> bytes:
    return written({1: b"<</Type /Catalog /Pages 2 0 R /OpenAction %s>>" % action, **(more or {})})


def _page(entries: bytes, more: Mapping[int, bytes] | None = None) -> bytes:
    return written({3: _PAGE % entries, **(more or {})})


def _widget(entries: bytes) -> bytes:
    """A form with one button, which is its own field."""
    button = b"<</Type /Annot /Subtype /Widget /FT /Btn /T (a) /F 4 /Rect [0 0 9 9] %s>>" % entries
    form = b"<</Type /Catalog /Pages 2 0 R /AcroForm <</Fields [8 0 R]>>>>"
    return written({1: form, 3: _PAGE % b"/Annots [8 0 R]", 8: button})


def _link(action: bytes) -> bytes:
    return _page(b"/Annots [<</Type /Annot /Subtype /Link /F 4 /Rect [0 0 9 9] /A %s>>]" % action)


def _starting() -> dict[str, bytes]:
    """One action in each place that starts it."""
    send = _FETCHING["form that is sent"]
    catalog = b"<</Type /Catalog /Pages 2 0 R %s>>"
    started = _opening(b"7 0 R", {7: send})
    return {
        "of the page": _page(b"/AA <</O %s>>" % send),
        "of the page, indirect": _page(b"/AA 7 0 R", {7: b"<</C 8 0 R>>", 8: send}),
        "of the document": written({1: catalog % (b"/AA <</WC %s>>" % send)}),
        "of a field": _widget(b"/AA <</Fo %s>>" % send),
        "under the mouse": _widget(b"/AA <</E %s>>" % send),
        "by an escaped name": _page(b"/A#41 <</O <</#53 /Submit#46orm /F (http://h)>>>>"),
        "after another": _opening(_STAYS % send),
        "after two others": _opening(_STAYS % (_STAYS % b"8 0 R"), {8: send}),
        "in a list": _opening(_STAYS % b"[<</S /Named /N /NextPage>> 8 0 R]", {8: send}),
        "in a ring": _opening(b"8 0 R", {8: _STAYS % b"[8 0 R 9 0 R]", 9: send}),
        "as a stream": _opening(b"8 0 R", {8: stream(b"", b"/S /SubmitForm")}),
        "of an earlier revision, null now": revised(started, {7: b"null"}),
        "of an earlier revision": revised(started, {1: catalog % b""}),
    }


def _elsewhere() -> dict[str, bytes]:
    """Streams that readers would fetch."""
    url = b"/F <</FS /URL /F (http://127.0.0.1:9/x)>>"
    return {
        "data of a share": written({8: stream(b"x", b"/F " + HOST)}),
        "data of the web": written({8: stream(b"x", url + b" /FFilter /FlateDecode")}),
        "data, indirect": written({8: stream(b"x", b"/#46 9 0 R"), 9: HOST}),
        "page of another file": written(
            {8: stream(b"", _FORM + b" /Ref <</F %s /Page 0>>" % HOST)}
        ),
        "data of an earlier revision": revised(
            written({8: stream(b"x", b"/F " + HOST)}), {8: b"null"}
        ),
    }


def hostile() -> Files:
    found = {f"opens {label}": _opening(action) for label, action in _FETCHING.items()}
    found |= {f"starts {label}": data for label, data in _starting().items()}
    return {label: (PDF, data) for label, data in (found | _elsewhere()).items()}


_SEND, _AWAY = _FETCHING["form that is sent"], _FETCHING["other file"]
_GROUP = _FORM + b" /Group <</S /Transparency>>"
_HONEST = {
    "place": _opening(b"[3 0 R /Fit]"),
    "going to a place": _opening(_STAYS % b"<</S /Named /N /Print>>"),
    "ring of places": _opening(b"8 0 R", {8: _STAYS % b"8 0 R"}),
    "going to its own attachment": _opening(b"<</S /GoToE /D [0 /Fit] /T <</R /C /N (a)>>>>"),
    "its own thread": _page(b"/AA <</O <</S /Thread /D 0>>>>"),
    "hiding under the mouse": _widget(b"/AA <</E <</S /Hide /T (a)>>>>"),
    "button that sends": _widget(b"/A " + _SEND),
    "button that sends when it is let go": _widget(b"/AA <</U %s /D %s>>" % (_SEND, _SEND)),
    "link to the web": _link(_FETCHING["address"]),
    "link to another file": _link(_AWAY),
    "link to a place, then to another file": _link(_STAYS % _AWAY),
    "form of the name": _page(
        b"/Resources <</XObject <</AA 8 0 R>>>>", {8: stream(b"", _GROUP + b" /F null")}
    ),
    "font of the name": _page(b"/Resources <</Font <</AA <</Type /Font>> /F 9 0 R>>>>"),
    "short filter": written({8: stream(b"x", b"/F /AHx /Ref null")}),
}
HONEST: Files = {label: (PDF, data) for label, data in _HONEST.items()}
"""What waits for a click, or stays within the file."""
