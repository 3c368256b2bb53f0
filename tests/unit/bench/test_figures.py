"""Percentiles, medians over runs, and targets that are computed from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import table
from bench.catalogue import FULL, QUICK, SYSTEMS
from bench.session import steps
from bench.targets import TARGETS, Found, Target
from bench.work.measurement import Measurement, Row, percentile, summaries

TAKERS = {"direct PUT", "uploads", "naive Flask", "@tus/server", "copyparty"}


def test_a_percentile_is_one_of_the_values() -> None:
    """The nearest rank: half of ten values is the fifth, 99 of a hundred the ninety-ninth."""
    assert percentile([5, 1, 4, 2, 3, 10, 9, 8, 7, 6], 0.5) == 5
    assert percentile(list(range(1, 101)), 0.99) == 99
    assert percentile([7], 0.99) == 7


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_runs_become_their_median_and_failures_add_up() -> None:
    """One slow run does not move the figure; no failure of any run is lost."""
    row = Row("small", "uploads", "raw")
    found = summaries(
        Measurement(row, {"seconds": seconds}, {"closed": 2}) for seconds in (1.0, 90.0, 2.0)
    )[row]
    assert found.figures == {"seconds": 2.0}
    assert found.runs == 3
    assert found.failures == {"closed": 6}


def found_of(**mib_per_s: float) -> Found:
    doors = {"form": ("uploads", "form"), "raw": ("uploads", "raw"), "put": ("direct PUT", "raw")}
    return summaries(
        Measurement(Row("large", *doors[name]), {"mib_per_s": value})
        for name, value in mib_per_s.items()
    )


def of(work: str, what: str) -> Target:
    return next(one for one in TARGETS if (one.work, one.what) == (work, what))


def test_a_target_is_judged_by_the_worst_door() -> None:
    """The raw door alone does not make the target met."""
    target = of("large", "throughput ÷ direct PUT")
    assert target.met(found_of(form=950, raw=990, put=1000)) is True
    assert target.met(found_of(form=500, raw=990, put=1000)) is False
    assert target.figure(found_of(form=500, raw=990, put=1000)) == pytest.approx(0.5)


def test_what_was_not_measured_is_not_met() -> None:
    """Without the other system, or without this one, there is no verdict."""
    target = of("large", "throughput ÷ direct PUT")
    assert target.met(found_of(form=950)) is None
    assert target.met(found_of(put=950)) is None


def test_a_change_counts_in_both_directions() -> None:
    """An upload that costs a fifth less in a full library is a figure to explain as well."""
    row = Row("library", "uploads", "form")
    for full, change in ((12.0, 0.2), (8.0, 0.2), (10.5, 0.05)):
        figures = {"web_cpu_ms_per_upload_empty": 10.0, "web_cpu_ms_per_upload_full": full}
        found = summaries([Measurement(row, figures)])
        target = of("library", "web CPU of one upload, change")
        assert target.figure(found) == pytest.approx(change)
        assert target.met(found) is (change <= 0.1)


def test_every_target_is_of_a_work_that_there_is() -> None:
    names = {work.name for work in FULL}
    assert {target.work for target in TARGETS} <= names == {work.name for work in QUICK}


def test_the_table_has_rows_failures_and_verdicts() -> None:
    """What failed stands under the table, and each target has its verdict."""
    measurements = [
        Measurement(Row("large", "direct PUT", "raw"), {"mib_per_s": 1000.0}),
        Measurement(Row("large", "uploads", "form"), {"mib_per_s": 500.0}, {"status 503": 3}),
        Measurement(Row("large", "uploads", "afterwards"), {"clean": 34.0}),
    ]
    text = table.markdown(measurements, FULL, SYSTEMS)
    assert "| direct PUT | raw | 1,000 | 1 |" in text
    assert "failures in all runs: 3 × status 503" in text
    assert "then 34 clean" in text
    assert "| large | throughput ÷ direct PUT | ≥ 0.9 | 0.5 | – | **no** |" in text
    assert "| small | throughput ÷ direct PUT | ≥ 0.5 | – | – | not measured |" in text
    data = json.loads(table.as_json(measurements, SYSTEMS))
    assert [one["met"] for one in data["targets"]][:2] == [False, None]
    assert [table.from_json(run) for run in data["runs"]] == measurements


def test_beside_the_medians_stands_what_single_rounds_gave() -> None:
    """A figure that one neighbour's minute decides is seen to be one."""
    direct, ours = Row("large", "direct PUT", "raw"), Row("large", "uploads", "form")
    measurements = [
        Measurement(row, {"mib_per_s": value})
        for put, own in ((1000.0, 800.0), (500.0, 500.0), (800.0, 800.0))
        for row, value in ((direct, put), (ours, own))
    ]
    text = table.markdown(measurements, FULL, SYSTEMS)
    assert "| large | throughput ÷ direct PUT | ≥ 0.9 | 1 | 0.8 to 1 | yes |" in text
    data = json.loads(table.as_json(measurements, SYSTEMS))
    assert data["targets"][0]["spread"] == [0.8, 1.0]


def test_systems_take_turns_and_another_one_begins_each_time(tmp_path: Path) -> None:
    """So that nothing is always measured first, or right after the same neighbour."""
    small = [work for work in FULL if work.name == "small"]
    planned = list(steps(small, SYSTEMS, 3, tmp_path, "memory"))
    takers = {step.system.name for step in planned}
    assert takers == TAKERS
    assert len(planned) == 3 * len(takers)
    begins = [planned[turn * len(takers)].system.name for turn in range(3)]
    assert len(set(begins)) == 3
    assert sum(step.last for step in planned) == len(takers)


def test_what_takes_long_is_done_once_with_the_rivals(tmp_path: Path) -> None:
    """This service is measured as often as was asked for."""
    slow = [work for work in FULL if work.name == "slow-1000"]
    names = [step.system.name for step in steps(slow, SYSTEMS, 3, tmp_path, "memory")]
    assert names.count("uploads") == 3
    assert all(names.count(name) == 1 for name in TAKERS - {"uploads"})
