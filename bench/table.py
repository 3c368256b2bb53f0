"""The results as Markdown and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.systems.system import System
from bench.targets import TARGETS, Found
from bench.work.measurement import Measurement, Row, Summary, rounds, summaries
from bench.work.work import Work

GIB = 1024**3
# Figure, heading; a row has those of them that it knows.
_COLUMNS = (
    ("mib_per_s", "MiB/s"),
    ("uploads_per_s", "uploads/s"),
    ("grants_per_s", "grants/s"),
    ("pictures_per_s", "pictures/s"),
    ("cpu_ms_per_picture", "CPU ms/picture"),
    ("kib_per_picture", "KiB/picture"),
    ("documents_per_s", "documents/s"),
    ("worker_cpu_ms_per_document", "worker CPU ms/document"),
    ("cpu_ms_per_document", "server CPU ms/document"),
    ("worker_peak_mib", "worker peak MiB"),
    ("ms_per_file", "ms/file"),
    ("p50_ms", "p50 ms"),
    ("p99_ms", "p99 ms"),
    ("web_cpu_s_per_gib", "web CPU s/GiB"),
    ("cpu_s_per_gib", "server CPU s/GiB"),
    ("web_cpu_ms_per_upload", "web CPU ms/upload"),
    ("cpu_ms_per_upload", "server CPU ms/upload"),
    ("web_cpu_ms_per_grant", "web CPU ms/grant"),
    ("cpu_ms_per_grant", "server CPU ms/grant"),
    ("web_idle_mib", "web idle MiB"),
    ("web_peak_mib", "web peak MiB"),
    ("store_peak_mib", "S3 peak MiB"),
)
_RATES = ("mib_per_s", "grants_per_s", "pictures_per_s", "documents_per_s")
_CROWD_COLUMNS = (
    ("succeeded", "served"),
    ("failed", "failed"),
    ("times_ideal", "time ÷ ideal"),
    ("idle_p50_ms", "normal p50 ms, idle"),
    ("normal_p50_ms", "normal p50 ms, beside"),
    ("web_cpu_seconds", "web CPU s"),
    ("cpu_seconds", "server CPU s"),
    ("web_idle_mib", "web idle MiB"),
    ("web_peak_mib", "web peak MiB"),
    ("store_peak_mib", "S3 peak MiB"),
)


def machine() -> str:
    """The size of this machine, in a sentence."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB of memory, "
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def markdown(
    measurements: Sequence[Measurement], works: Sequence[Work], systems: Sequence[System]
) -> str:
    """Everything that was measured: settings, one table a work, the targets."""
    found = summaries(measurements)
    lines = [f"Machine: {machine()}; clients, servers and store share it. Figures are medians.", ""]
    lines += [f"- **{system.name}**: {system.settings}" for system in systems]
    for work in works:
        rows = [summary for row, summary in found.items() if row.work == work.name]
        if rows:
            lines += ["", f"### {work.title}", "", *_work_table(rows)]
    return "\n".join([*lines, "", "### Targets", "", *_targets(found, rounds(measurements))]) + "\n"


def _work_table(rows: list[Summary]) -> Iterator[str]:
    measured = [row for row in rows if row.row.door != "afterwards"]
    columns = _columns(measured)
    yield _line("system", "door", *(heading for _, heading in columns), "runs")
    yield _line(*["---"] * 2, *["--:"] * (len(columns) + 1))
    for summary in measured:
        where = "" if summary.row.place == "memory" else f", on {summary.row.place}"
        figures = [_number(summary.figures.get(name)) for name, _ in columns]
        yield _line(summary.row.system + where, summary.row.door, *figures, str(summary.runs))
    for summary in rows:
        if summary.failures:
            counts = ", ".join(f"{count} × {what}" for what, count in summary.failures.items())
            yield f"\n{summary.row.system} ({summary.row.door}), failures in all runs: {counts}."
        if summary.row.door == "afterwards":
            ends = ", ".join(f"{int(n):,} {state}" for state, n in summary.figures.items())
            yield f"\n{summary.row.system}: after the last run the worker went on; then {ends}."


def _columns(rows: list[Summary]) -> list[tuple[str, str]]:
    known = {name: None for row in rows for name in row.figures}
    if "times_ideal" in known:
        return list(_CROWD_COLUMNS)
    chosen = [(name, heading) for name, heading in _COLUMNS if name in known]
    if any(name in _RATES for name, _ in chosen):
        return chosen
    return [(name, name.replace("_", " ").replace("mib", "MiB")) for name in known]


def _targets(found: Found, single: Sequence[Found]) -> Iterator[str]:
    yield _line("work", "what", "must be", "is", "in single rounds", "met")
    yield _line("---", "---", "--:", "--:", "--:", "---")
    words = {True: "yes", False: "**no**", None: "not measured"}
    for target in TARGETS:
        bound = f"{'≤' if target.at_most else '≥'} {_number(target.bound)}"
        value, met = target.figure(found), words[target.met(found)]
        spread = " to ".join(map(_number, target.spread(single) or ()))
        yield _line(target.work, target.what, bound, _number(value), spread or "–", met)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    """Three digits that count, no more."""
    if value is None:
        return "–"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def as_json(measurements: Sequence[Measurement], systems: Sequence[System]) -> str:
    """The same for programs, with every single run."""
    found, single = summaries(measurements), rounds(measurements)
    return json.dumps(
        {
            "machine": machine(),
            "systems": {system.name: system.settings for system in systems},
            "medians": [asdict(summary) for summary in found.values()],
            "targets": [
                {
                    "work": target.work,
                    "what": target.what,
                    "bound": target.bound,
                    "at_most": target.at_most,
                    "figure": target.figure(found),
                    "spread": target.spread(single),
                    "met": target.met(found),
                }
                for target in TARGETS
            ],
            "runs": [asdict(one) for one in measurements],
        },
        indent=1,
        ensure_ascii=False,
    )


def from_json(run: Mapping[str, Any]) -> Measurement:
    """One of the runs that `as_json` has written."""
    return Measurement(Row(**run["row"]), run["figures"], run["failures"])
