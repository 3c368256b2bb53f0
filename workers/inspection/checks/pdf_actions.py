"""What a PDF does or loads unasked (ISO 32000-2, 12.6): the one place that decides it.

Actions that wait for a click are not looked at here. Knows nothing of pages.
"""

from __future__ import annotations

from typing import TypeGuard

import pikepdf

from uploads.documents.readers.limits import Budget, Refusal

OPENING, EVENTS = "/OpenAction", "/AA"
# Events of annotations, pages, fields and documents (tables 197 to 200). /D and /U are left out:
# they are a press of the mouse on an annotation, which is how many buttons submit their form.
_UNASKED = (
    *("/E", "/X", "/Fo", "/Bl", "/PO", "/PC", "/PV", "/PI"),
    *("/O", "/C", "/K", "/F", "/V", "/WC", "/WS", "/DS", "/WP", "/DP"),
)
_STAYING = {"/GoTo", "/GoTo3DView", "/GoToDp", "/Hide", "/NOP", "/Named", "/ResetForm"}
_STAYING |= {"/SetOCGState", "/SetState", "/Sound", "/Trans"}
_STAYING_WITHOUT_FILE = {"/GoToE", "/Thread"}


def check_unasked(found: pikepdf.Object, budget: Budget) -> None:
    """Check what this dictionary starts by itself, and whatever follows it. Raises: Refusal.

    Only what is known to stay within the file may start so: a kind that is not known may fetch.
    """
    pending = [found.get(OPENING)] if OPENING in found else []
    if _is_dictionary(events := found.get(EVENTS)):
        pending += [events.get(event) for event in _UNASKED]
    seen: set[tuple[int, int]] = set()
    while pending:
        action = pending.pop()
        budget.look(1)
        if not _is_dictionary(action) or action.objgen in seen:
            continue
        if action.is_indirect:
            seen.add(action.objgen)
        if not _stays(action):
            raise Refusal("active-content", "pdf: fetches, sends or opens something by itself")
        following = action.get("/Next")
        pending += list(following) if isinstance(following, pikepdf.Array) else [following]


def check_elsewhere(found: pikepdf.Object) -> None:
    """Check that the data of a stream are in this file (7.3.8.2, 8.10.4). Raises: Refusal.

    Old writers shorten /Filter to /F: names are no files.
    """
    if not isinstance(found, pikepdf.Stream):
        return
    page = found.get("/Ref")
    if _is_file(found.get("/F")) or (_is_dictionary(page) and _is_file(page.get("/F"))):
        raise Refusal("active-content", "pdf: a stream whose data are in another file")


def _stays(action: pikepdf.Object) -> bool:
    kind = str(action.get("/S", ""))
    if kind in _STAYING_WITHOUT_FILE:
        return action.get("/F") is None
    return kind in _STAYING or not kind


def _is_dictionary(value: object) -> TypeGuard[pikepdf.Object]:
    """Some programs take a stream for its dictionary."""
    return isinstance(value, (pikepdf.Dictionary, pikepdf.Stream))


def _is_file(value: object) -> bool:
    return isinstance(value, pikepdf.String) or _is_dictionary(value)
