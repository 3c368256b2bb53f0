"""Several acts of one task, none of which waits for ever behind another that fails."""

from __future__ import annotations

from collections.abc import Callable

from uploads.documents.errors import RecordsUnavailable


def each_in_turn(*acts: Callable[[], object]) -> None:
    """Do all of them, whatever becomes of one: an object that cannot be deleted, say, must not keep
    files from being looked at anew.

    Raises what was raised, at the end; at once where the database is away, which all of them need.
    """
    errors = list[Exception]()
    for act in acts:
        try:
            act()
        except RecordsUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 -- raised below
            errors.append(error)
    if len(errors) > 1:
        raise ExceptionGroup("more than one of them failed", errors)
    if errors:
        raise errors[0]
