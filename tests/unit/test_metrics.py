"""The table of metrics, and how what several processes count becomes one scrape."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Histogram, values
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.utils import floatToGoString

from tests.support.program import services_at
from uploads import requests_counted, tallies
from uploads.app import create_app
from uploads.metrics import METRICS, PROBLEMS, REQUESTS, SENT, UNDER_WAY, Kind
from uploads.metrics_page import page

ROOT = Path(__file__).resolve().parents[2]
COUNT = """
import os, signal, sys
from pathlib import Path
from uploads import tallies
from uploads.metrics import PROBLEMS, REQUESTS, UNDER_WAY

assert tallies.begin(Path(sys.argv[1]))
PROBLEMS.count("not-found")
child = os.fork()
PROBLEMS.count("not-found", by=2)
UNDER_WAY.count()
REQUESTS.observe(0.02, "/livez", "GET", "2xx")
if not child:
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(child, 0)
print("counted", flush=True)
sys.stdin.readline()
"""
FULL = """
import os, sys
from pathlib import Path
from uploads import tallies
from uploads.metrics import PROBLEMS
from uploads.slots import Slots

assert tallies.begin(Path(sys.argv[1]))
PROBLEMS.count("not-found")

def full(*_):
    raise OSError("staged")

Slots._make_room = full
if not os.fork():
    PROBLEMS.count("not-found")
    os._exit(7)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
PROBLEMS.count("not-found")
"""


@pytest.fixture(autouse=True)
def _nowhere() -> Iterator[None]:
    """Counting in this process ends with the test."""
    yield
    for metric in METRICS:
        metric.bind(None)
    values.close_all_multiprocess_files()  # type: ignore[no-untyped-call]


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text.decode())
        for one in family.samples
    }


def problems(folder: Path) -> float:
    found = samples(tallies.exposition(folder))
    return found["uploads_problems_total", (("code", "not-found"),)]


def counting(folder: Path) -> subprocess.Popen[str]:
    """A process that has counted, as has a child of it that was killed, and waits for a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", COUNT, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "counted\n"
    return process


def ended(process: subprocess.Popen[str]) -> None:
    process.communicate("\n")
    assert process.returncode == 0


def test_what_is_checked_in_is_what_the_code_says() -> None:
    """After a change: `make docs`."""
    assert (ROOT / "docs/metrics.md").read_text() == page()


def test_names_and_labels_are_those_of_the_field() -> None:
    """prometheus.io, "Metric and label naming": one prefix, base units, counters end in _total."""
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"uploads_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
        assert bool(metric.buckets) is (metric.kind is Kind.HISTOGRAM)
        assert list(metric.buckets) == sorted(metric.buckets)
        assert not {"user", "name", "id", "address", "path"} & set(metric.labels)
        assert metric.says.endswith(".")


def test_it_counts_what_the_library_would_count(tmp_path: Path) -> None:
    """Each bound belongs to its bucket, and what lies above all of them to the last one."""
    tallies.begin(tmp_path)
    amounts = [0, 0.0001, *REQUESTS.buckets, 0.0251, 61]
    theirs = Histogram("theirs", "", buckets=REQUESTS.buckets, registry=None)
    for amount in amounts:
        REQUESTS.observe(amount, "/livez", "GET", "2xx")
        theirs.observe(amount)
    SENT.count("api", by=0.5)
    SENT.count("api")
    found = samples(tallies.exposition(tmp_path))
    labels = (("method", "GET"), ("route", "/livez"), ("status", "2xx"))
    below = 0.0
    for bucket in theirs._buckets:
        below += bucket.get()
        bound = theirs._upper_bounds[theirs._buckets.index(bucket)]
        named = (("le", floatToGoString(bound)), *labels)  # type: ignore[no-untyped-call]
        assert found["uploads_http_request_seconds_bucket", named] == below
    assert found["uploads_http_request_seconds_sum", labels] == pytest.approx(sum(amounts))
    assert found["uploads_http_sent_bytes_total", (("door", "api"),)] == 1.5


def test_a_file_that_grew_is_counted_in_as_before(tmp_path: Path) -> None:
    tallies.begin(tmp_path)
    PROBLEMS.count("not-found")
    file = next(tmp_path.glob("counter_*.db"))
    size = file.stat().st_size
    for number in range(2000):
        PROBLEMS.count(f"a-code-that-takes-some-room-in-the-file-{number}")
    assert file.stat().st_size > size
    PROBLEMS.count("not-found")
    assert problems(tmp_path) == 2


def test_all_processes_of_a_folder_come_together(tmp_path: Path) -> None:
    """Sums hold what a killed process had counted; what is under way died with it."""
    first, second = counting(tmp_path), counting(tmp_path)
    tallies.begin(tmp_path)
    found = samples(tallies.exposition(tmp_path))
    assert problems(tmp_path) == 10
    labels = (("method", "GET"), ("route", "/livez"), ("status", "2xx"))
    assert found["uploads_http_request_seconds_count", labels] == 4
    assert found["uploads_http_request_seconds_bucket", (("le", "0.025"), *labels)] == 4
    assert found["uploads_http_request_seconds_bucket", (("le", "0.01"), *labels)] == 0
    assert found["uploads_under_way", ()] == 2
    ended(first)
    assert samples(tallies.exposition(tmp_path))["uploads_under_way", ()] == 1
    ended(second)


def test_the_next_process_goes_on_where_one_ended(tmp_path: Path) -> None:
    """No sum goes back, and there are as many files as there were processes at the same time."""
    lasting = counting(tmp_path)
    for _ in range(2):
        ended(counting(tmp_path))
    assert problems(tmp_path) == 15
    assert len(list(tmp_path.glob("counter_*.db"))) == 3
    ended(lasting)
    # The first one of a new run begins at zero.
    ended(counting(tmp_path))
    assert problems(tmp_path) == 5


def test_each_metric_is_named_before_anything_was_counted(tmp_path: Path) -> None:
    """With what it says; only those without labels have a number yet."""
    assert tallies.begin(tmp_path)
    text = tallies.exposition(tmp_path).decode()
    for metric in METRICS:
        assert f"# HELP {metric.name} {metric.says}\n# TYPE {metric.name} {metric.kind}\n" in text
    numbers = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert numbers == ["uploads_connections_refused_total 0.0", "uploads_under_way 0.0"]


def test_where_nothing_can_be_counted_the_service_goes_on(tmp_path: Path) -> None:
    """A folder that cannot be made: counting is nothing, and a scrape says so."""
    (tmp_path / "file").touch()
    assert not tallies.begin(tmp_path / "file" / "metrics")
    PROBLEMS.count("not-found")
    REQUESTS.observe(1, "/livez", "GET", "2xx")
    UNDER_WAY.count(by=-1)
    with pytest.raises(ValueError, match="not a directory"):
        tallies.exposition(tmp_path / "file" / "metrics")


def test_a_child_without_room_counts_nothing_and_works(tmp_path: Path) -> None:
    """Forked while the disk is full: what it does must not end for what it counts."""
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "metrics_off" in run.stdout + run.stderr
    assert problems(tmp_path) == 2


def test_files_have_their_room_before_they_are_written_to(tmp_path: Path) -> None:
    """A mapped file without room would kill its process once the disk is full."""
    assert tallies.begin(tmp_path)
    PROBLEMS.count("not-found")
    for file in tmp_path.glob("*.db"):
        assert file.stat().st_blocks * 512 >= file.stat().st_size > 0


def test_whoever_asks_all_that_there_is_to_ask_needs_no_more_room(tmp_path: Path) -> None:
    """Every route by every method, with every class of answers: strangers can ask nearly that."""
    app = create_app(services_at(tmp_path, "redis://127.0.0.1:9/0"))
    assert tallies.begin(tmp_path / "metrics", requests=True)
    asked = {(one.rule, method) for one in app.url_map.iter_rules() for method in one.methods or ()}
    asked |= {("none", method) for method in (*requests_counted.METHODS, "other")}
    room = {file: file.stat().st_size for file in (tmp_path / "metrics").glob("*.db")}
    for route, method in asked:
        for status in ("2xx", "3xx", "4xx", "5xx"):
            REQUESTS.observe(1, route, method, status)
    assert {file: file.stat().st_size for file in (tmp_path / "metrics").glob("*.db")} == room


@pytest.mark.parametrize(
    ("header", "fine"),
    [
        ("Bearer a-long-token", True),
        ("bearer a-long-token", True),
        ("Bearer a-long-toke", False),
        ("Bearer a-long-token ", False),
        ("Basic a-long-token", False),
        ("a-long-token", False),
        ("Bearer é", False),
        ("", False),
    ],
)
def test_only_the_whole_token_counts(header: str, fine: bool) -> None:
    assert tallies.authorized(header, "a-long-token") is fine
