"""What a worker process is made of: services, engines and the verbs its tasks call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from uploads import clock
from uploads.config import Settings
from uploads.documents.model import JobKind
from uploads.office import OfficeWord
from uploads.queue import JOB_QUEUE, WEBHOOK_QUEUE, waiting
from uploads.wiring import Services
from workers.counted import CountedCell, CountedPublisher, counted
from workers.expiring import Expirer
from workers.in_turn import each_in_turn
from workers.inspection.inspect import Inspector
from workers.jobs import Handler, Patience, Runner, Sweeper
from workers.lineup import Lineup, make_lineup
from workers.places import Places
from workers.proving import Prover
from workers.publishing import Publisher
from workers.releasing import Releaser
from workers.rendering.office import Office
from workers.rendering.office_trial import NO_OFFICE, OfficeFound
from workers.rendering.render import Renderer
from workers.renditions import RenderHandler
from workers.rescanning import Rescanner
from workers.retention import Reaper, Tidier
from workers.sandbox.parent import Cell
from workers.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Runtime:
    """The verbs of the worker's tasks."""

    run_job: Callable[[str], None]
    sweep: Callable[[], None]
    expire: Callable[[], int]
    reap: Callable[[], int]
    tidy: Callable[[], None]
    prove: Callable[..., None]
    prepare: Callable[[], None]
    try_engines: Callable[..., dict[str, str]]
    try_changed: Callable[[], None]
    withdraw: Callable[[], None]
    rescan: Callable[[], int]

    def do_what_is_due(self) -> None:
        """Whatever the schedule has every few seconds, each in its turn. Raises what they raise."""
        each_in_turn(
            *(self.sweep, self.expire, self.try_changed, self.withdraw, self.reap, self.rescan)
        )


def make_cell(settings: Settings) -> Cell:
    """The parser cell with the configured bounds."""
    return CountedCell(
        seconds=settings.cell_seconds,
        memory_bytes=settings.cell_memory_bytes,
        confined=settings.cell == "confined",
    )


def make_runtime(
    services: Services,
    places: Places,
    ending: Callable[[], bool] = lambda: False,
    office: OfficeFound = NO_OFFICE,
) -> Runtime:
    """Put a worker process together; `ending` says that it is about to be ended.

    `office` is what the worker found out of LibreOffice, and `places` what its processes share;
    both are made before the fork.
    Raises RulesBroken when a YARA rule does not compile.
    """
    settings = services.settings
    scratch = Scratch(settings.scratch_dir, services.disk.check)
    cell = make_cell(settings)
    lineup = make_lineup(services, scratch, cell)
    reaper = _reaper(services)
    publisher = _publisher(services, cell, reaper, lineup)
    rescanner = _rescanner(services, lineup, publisher)
    handlers: dict[JobKind, Handler] = {
        JobKind.INSPECT: _inspector(services, lineup, publisher),
        JobKind.RENDER: _render_handler(services, scratch, cell, office),
        JobKind.RESCAN: rescanner,
        JobKind.RELEASE: _releaser(services, reaper),
    }
    runner = _runner(services, handlers, places, ending)
    sweeper = _sweeper(services, places.count)
    tidier = _tidier(services, scratch)
    expirer = Expirer(records=services.records, clock=clock.now)
    return Runtime(
        *(runner.run, sweeper.sweep, expirer.expire_due, reaper.reap_due, tidier.tidy),
        prove=partial(_prove, services, office),
        prepare=lineup.prepare,
        try_engines=lineup.canaries.try_all,
        try_changed=lineup.canaries.try_changed,
        withdraw=lineup.canaries.go_on,
        rescan=rescanner.look,
    )


def _runner(
    services: Services,
    handlers: Mapping[JobKind, Handler],
    places: Places,
    ending: Callable[[], bool],
) -> Runner:
    return Runner(
        records=services.records,
        clock=clock.now,
        handlers={kind: counted(kind, handler) for kind, handler in handlers.items()},
        patience=_patience(services.settings),
        places=places,
        hints=services.hints,
        ending=ending,
    )


def _prove(services: Services, office: OfficeFound, *, anew: bool = False) -> None:
    """Try the store where that is due, or `anew`; and repeat what was found of LibreOffice, for
    such words end in time."""
    prover = make_prover(services)
    prover.prove() if anew else prover.renew()
    if services.settings.office == "on":
        OfficeWord(services.settings.redis_url).record(office.word)


def make_prover(services: Services) -> Prover:
    """What tries the store."""
    return Prover(settings=services.settings, records=services.records, clock=clock.now)


def _sweeper(services: Services, places: int) -> Sweeper:
    url = services.settings.redis_url
    return Sweeper(
        records=services.records,
        hints=services.hints,
        clock=clock.now,
        waiting=partial(waiting, url, JOB_QUEUE),
        visits_waiting=partial(waiting, url, WEBHOOK_QUEUE),
        places=places,
    )


def _patience(settings: Settings) -> Patience:
    return Patience(
        lease=timedelta(seconds=settings.lease_seconds),
        defer_most=timedelta(seconds=settings.defer_seconds),
        starts_max=settings.starts_max,
        keep_failed=timedelta(days=settings.quarantine_days),
    )


def _reaper(services: Services) -> Reaper:
    return Reaper(
        records=services.records,
        storage=services.storage,
        clock=clock.now,
        grace=timedelta(seconds=services.settings.grace_seconds),
    )


def _tidier(services: Services, scratch: Scratch) -> Tidier:
    settings = services.settings
    return Tidier(
        records=services.records,
        storage=services.storage,
        scratch=scratch,
        clock=clock.now,
        grace=timedelta(seconds=settings.grace_seconds),
        # For a day at least, or its owner would never learn what became of the file.
        keep_refused=timedelta(days=max(1, settings.quarantine_days)),
        keep_tombstones=timedelta(days=settings.tombstone_days),
        keep_deliveries=timedelta(days=settings.delivery_days),
        keep_events=timedelta(days=settings.event_days),
        end_sessions=services.accounts.remove_ended_sessions,
        new_id=clock.new_id,
    )


def _inspector(services: Services, lineup: Lineup, publisher: Publisher) -> Inspector:
    return Inspector(
        records=services.records,
        examiner=lineup.examiner,
        publisher=publisher,
        try_stale=lineup.canaries.try_stale,
        vouch=lineup.standing.vouch,
        clock=clock.now,
    )


def _publisher(services: Services, cell: Cell, reaper: Reaper, lineup: Lineup) -> Publisher:
    settings = services.settings
    return CountedPublisher(
        records=services.records,
        storage=services.storage,
        hints=services.hints,
        reaper=reaper,
        clock=clock.now,
        new_id=clock.new_id,
        renders=lambda content_type: Renderer(cell).handles(content_type),
        grace=timedelta(seconds=settings.grace_seconds),
        keep_refused=timedelta(days=settings.quarantine_days),
        transfer_seconds=settings.transfer_seconds,
        vouch=lineup.standing.vouch,
    )


def _rescanner(services: Services, lineup: Lineup, publisher: Publisher) -> Rescanner:
    settings = services.settings
    return Rescanner(
        records=services.records,
        examiner=lineup.examiner,
        standing=lineup.standing,
        canaries=lineup.canaries,
        publisher=publisher,
        hints=services.hints,
        clock=clock.now,
        new_id=clock.new_id,
        grace=timedelta(seconds=settings.grace_seconds),
        keep_refused=timedelta(days=settings.quarantine_days),
        at_once=settings.rescans,
    )


def _render_handler(
    services: Services, scratch: Scratch, cell: Cell, office: OfficeFound
) -> RenderHandler:
    settings = services.settings
    found = office.installation
    return RenderHandler(
        records=services.records,
        storage=services.storage,
        scratch_files=scratch,
        renderer=Renderer(cell, pixels=settings.image_pixels),
        office=Office(cell, scratch, clock.new_id, found) if found else None,
        clock=clock.now,
        new_id=clock.new_id,
        grace=timedelta(seconds=settings.grace_seconds),
        lease=timedelta(seconds=settings.lease_seconds),
        transfer_seconds=settings.transfer_seconds,
    )


def _releaser(services: Services, reaper: Reaper) -> Releaser:
    return Releaser(
        records=services.records,
        storage=services.storage,
        hints=services.hints,
        reaper=reaper,
        clock=clock.now,
        new_id=clock.new_id,
        grace=timedelta(seconds=services.settings.grace_seconds),
        transfer_seconds=services.settings.transfer_seconds,
    )
