"""Everything that is measured, as one table: its name, what it says, and by what it is told apart.

A label has few values, all of them ours: no name, no id, no address, nothing that a client wrote.
Until `uploads.tallies` gives a metric a place to count in, counting is nothing: commands and tests
leave no trace. Knows neither Prometheus nor who counts; `docs/metrics.md` is generated from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What becomes of its numbers (prometheus.io, "Metric types")."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Tally(Protocol):
    """Where the numbers of one metric under one set of labels go."""

    def inc(self, amount: float = 1) -> None: ...
    def observe(self, amount: float) -> None: ...


class _Nowhere:
    def inc(self, amount: float = 1) -> None:
        del amount

    def observe(self, amount: float) -> None:
        del amount


_NOWHERE = _Nowhere()


@dataclass(eq=False, slots=True)
class Metric:
    """One line of the table. `read` ones are looked up at a scrape, the others counted."""

    name: str
    kind: Kind
    says: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    read: bool = False
    _make: Callable[[tuple[str, ...]], Tally] | None = None
    _tallies: dict[tuple[str, ...], Tally] = field(default_factory=dict)

    def bind(self, make: Callable[[tuple[str, ...]], Tally] | None) -> None:
        """Count from now on where `make` says for a set of labels; nowhere with None."""
        self._make = make
        self._tallies = {}

    def count(self, *labels: str, by: float = 1) -> None:
        """Add to a counter or gauge. Costs about a microsecond and never waits."""
        (self._tallies.get(labels) or self._tally(labels)).inc(by)

    def observe(self, amount: float, *labels: str) -> None:
        """Enter one amount into a histogram, in the unit that its name ends with."""
        (self._tallies.get(labels) or self._tally(labels)).observe(amount)

    def _tally(self, labels: tuple[str, ...]) -> Tally:
        if self._make is None:
            return _NOWHERE
        tally = self._tallies[labels] = self._make(labels)
        return tally


_WEB_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)
_WORK_SECONDS = (0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 15, 60, 300)

# --- counted by the web processes ---

REQUESTS = Metric(
    "uploads_http_request_seconds",
    Kind.HISTOGRAM,
    "Requests and their time, from the end of the headers to the last byte of the answer: slow "
    "clients, long polls and streams of events take as long as they take. `route` is the "
    "template, `none` where no route fits; `status` is the class (`2xx`).",
    ("route", "method", "status"),
    _WEB_SECONDS,
)
RECEIVED = Metric(
    "uploads_http_received_bytes_total",
    Kind.COUNTER,
    "Bytes of bodies read from clients. `door` is `api`, `web` (pages), `content` (links and the "
    "content host), `operations`, `static` or `none`.",
    ("door",),
)
SENT = Metric(
    "uploads_http_sent_bytes_total", Kind.COUNTER, "Bytes of answers' bodies sent.", ("door",)
)
PROBLEMS = Metric(
    "uploads_problems_total",
    Kind.COUNTER,
    "Answers that refuse or report a problem, by the code of the API.",
    ("code",),
)
GRANTS_REFUSED = Metric(
    "uploads_grants_refused_total",
    Kind.COUNTER,
    "Signed URLs that were asked for and refused, because the store is not proved to hold clients "
    "to what is signed: `untried`, `disproved`, or `lapsed` (the last proof is too old).",
    ("standing",),
)
CONNECTIONS_REFUSED = Metric(
    "uploads_connections_refused_total",
    Kind.COUNTER,
    "Connections closed at once, because their address had as many as it may "
    "(UPLOADS_WEB_CONNECTIONS_ADDRESS).",
)
UNDER_WAY = Metric(
    "uploads_under_way", Kind.GAUGE, "Uploads that were let in and whose answer is not out yet."
)

# --- counted by workers ---

INSPECTION = Metric(
    "uploads_inspection_seconds",
    Kind.HISTOGRAM,
    "One engine's look at one file. `outcome` is its word, or `unavailable`.",
    ("engine", "outcome"),
    _WORK_SECONDS,
)
SETTLED = Metric(
    "uploads_settled_total",
    Kind.COUNTER,
    "Documents settled by an inspection, by the state that they came to.",
    ("state",),
)
JOB_STARTS = Metric(
    "uploads_job_starts_total", Kind.COUNTER, "Jobs that were begun, again included.", ("kind",)
)
JOB_SECONDS = Metric(
    "uploads_job_seconds",
    Kind.HISTOGRAM,
    "One start of a job, to its end. `outcome` is `done`, `deferred`, `lost` (another has it now), "
    "`missing` (the store has lost bytes), `killed` (its cell was) or `failed` (an error of ours).",
    ("kind", "outcome"),
    _WORK_SECONDS,
)
JOB_DEFERRALS = Metric(
    "uploads_job_deferrals_total",
    Kind.COUNTER,
    "Jobs put off because a part was away: `engine`, `storage`, `storage-full`, `database`, "
    "`scratch` or `service`.",
    ("kind", "part"),
)
JOB_FAILURES = Metric(
    "uploads_job_failures_total",
    Kind.COUNTER,
    "Jobs given up after UPLOADS_STARTS_MAX starts that ended without a word.",
    ("kind",),
)
CELL_FAILURES = Metric(
    "uploads_cell_failures_total",
    Kind.COUNTER,
    "Children of the parser cell that ended badly: `timeout`, `crashed`, `broken` (before it "
    "touched the file) or `killed` (by somebody else). Hostile files cause the first two.",
    ("task", "how"),
)

# --- counted by both ---

STORAGE_SECONDS = Metric(
    "uploads_storage_seconds",
    Kind.HISTOGRAM,
    "Calls of the store, attempts and pauses included; of reading only up to the first byte.",
    ("operation",),
    _WORK_SECONDS,
)
STORAGE_ERRORS = Metric(
    "uploads_storage_errors_total",
    Kind.COUNTER,
    "Calls of the store in vain, after all attempts: `unavailable` or `full`.",
    ("operation", "how"),
)

# --- counted by the courier and the clock ---

WEBHOOK_CALLS = Metric(
    "uploads_webhook_calls_total",
    Kind.COUNTER,
    "Attempts at deliveries: `delivered`, `redirect`, `gone`, `refused`, or the word for what was "
    "in the way (`timeout`, `connect-failed`, …).",
    ("outcome",),
)
SCHEDULED = Metric(
    "uploads_scheduled_total", Kind.COUNTER, "Tasks that the clock has sent.", ("task",)
)

# --- read when somebody asks, by the web processes alone; each shows the same ---

JOBS_WAITING = Metric(
    "uploads_jobs_waiting", Kind.GAUGE, "Jobs that are not done.", ("kind",), read=True
)
JOBS_OLDEST = Metric(
    "uploads_jobs_oldest_seconds",
    Kind.GAUGE,
    "Age of the oldest job that is not done, put off or not; 0 where there is none.",
    ("kind",),
    read=True,
)
DELIVERIES_WAITING = Metric(
    "uploads_deliveries_waiting",
    Kind.GAUGE,
    "Deliveries of webhooks that are due and not made.",
    read=True,
)
DELIVERIES_OLDEST = Metric(
    "uploads_deliveries_oldest_seconds",
    Kind.GAUGE,
    "How long the oldest of them is due; 0 where there is none.",
    read=True,
)
ENGINE_PROVED = Metric(
    "uploads_engine_proved",
    Kind.GAUGE,
    "1 where an engine's last canary was well at every worker, 0 where one failed or none was "
    "tried lately.",
    ("engine",),
    read=True,
)
STORE_PROVED = Metric(
    "uploads_store_proved",
    Kind.GAUGE,
    "1 where the store is proved to hold clients to what is signed, 0 where signed URLs are "
    "refused.",
    read=True,
)
SIGNATURE_AGE = Metric(
    "uploads_signature_age_seconds",
    Kind.GAUGE,
    "Age of ClamAV's signatures, the oldest of all workers; missing where it is not known.",
    read=True,
)
SCANNER = Metric(
    "uploads_scanner_configured",
    Kind.GAUGE,
    "1 where a virus scanner takes part in verdicts.",
    read=True,
)
DATABASE = Metric(
    "uploads_database_up",
    Kind.GAUGE,
    "1 where the database told what is read from it; else that is missing.",
    read=True,
)
DISK_FREE = Metric(
    "uploads_disk_free_bytes",
    Kind.GAUGE,
    "Room on the file system of a folder: `data`, `scratch` or `spool`.",
    ("folder",),
    read=True,
)
DISK_RESERVE = Metric(
    "uploads_disk_reserve_bytes",
    Kind.GAUGE,
    "Below this much room there uploads are refused and jobs put off.",
    ("folder",),
    read=True,
)

METRICS: tuple[Metric, ...] = (
    *(REQUESTS, RECEIVED, SENT, PROBLEMS, GRANTS_REFUSED, CONNECTIONS_REFUSED, UNDER_WAY),
    *(INSPECTION, SETTLED, JOB_STARTS, JOB_SECONDS, JOB_DEFERRALS, JOB_FAILURES, CELL_FAILURES),
    *(STORAGE_SECONDS, STORAGE_ERRORS, WEBHOOK_CALLS, SCHEDULED),
    *(JOBS_WAITING, JOBS_OLDEST, DELIVERIES_WAITING, DELIVERIES_OLDEST),
    *(ENGINE_PROVED, STORE_PROVED, SIGNATURE_AGE, SCANNER, DATABASE, DISK_FREE, DISK_RESERVE),
)
"""All of them, in the order of the documentation."""
