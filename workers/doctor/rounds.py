"""All looks in their order: what the service stands on first, what takes long last."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from importlib import import_module

from uploads import clock
from uploads.config import Settings
from workers.doctor import broker, clocks, database, proxy, room, store, store_gaps
from workers.doctor.checkup import Look
from workers.doctor.findings import Finding, State
from workers.doctor.trial import Store
from workers.machine import opened


def store_looks(settings: Settings) -> list[Look]:
    """The store alone, which is what an installation begins with."""
    found = Store(settings)
    clock_look = Look(store.PART, "clock", lambda: _store_clock(found), 30.0)
    return [*store.looks(found), clock_look, *store_gaps.looks(found)]


def all_looks(settings: Settings) -> list[Look]:
    """Every part that these settings name, and this machine."""
    return [
        *database.looks(settings.database_url, opened(settings)),
        *broker.looks(settings.redis_url),
        *store_looks(settings),
        *room.looks(settings),
        *proxy.looks(settings),
        *_engine_looks(settings),
    ]


def _engine_looks(settings: Settings) -> list[Look]:
    """Imported late: where only web runs there are no parsers, and the rest can be tried all the
    same."""
    try:
        looks: list[Look] = import_module("workers.doctor.engines").looks(settings)
    except ModuleNotFoundError as error:
        found = f"not tried: {error.name} is not installed here"
        none = Finding("engines", "all", State.GAP, found, "run the doctor where workers run")
        return [Look("engines", "all", lambda: none, 1.0)]
    return looks


def _store_clock(found: Store) -> Finding:
    before = clock.now()
    answer = found.send("GET", found.settings.s3_public_url)
    told = {name.lower(): text for name, text in answer.headers.items()}.get("date")
    if told is None:
        follows = "nothing rests on it, but signatures need clocks that agree"
        return Finding(store.PART, "clock", State.GAP, "the store does not tell the time", follows)
    return clocks.compare(store.PART, parsedate_to_datetime(told), before, clock.now())
