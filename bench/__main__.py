"""`python -m bench`: measure, print one table, write it where it was asked for."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeVar

import click

from bench import table
from bench.catalogue import FULL, QUICK, SYSTEMS
from bench.session import Session, Step, steps
from bench.systems.system import System
from bench.work.measurement import Measurement
from bench.work.work import Work

T = TypeVar("T", Work, System)
_SHM = Path("/dev/shm")  # noqa: S108 -- memory is what is wanted
_BEGIN, _END = "<!-- measured -->\n", "<!-- end of what was measured -->"


@click.command()
@click.option("--only", multiple=True, metavar="WORK", help="Only this work; repeat for more.")
@click.option("--systems", multiple=True, metavar="SYSTEM", help="Only this system; repeat.")
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1), help="Of each.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),
    help="Folder in memory for all data.  [a new one in /dev/shm]",
)
@click.option(
    "--disk",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),
    help="Do the batches once more, with the data in this folder on a disk.",
)
@click.option("--quick", is_flag=True, help="Everything in small: shows that it runs.")
@click.option("--list", "listed", is_flag=True, help="Name works and systems, and stop.")
@click.option(
    "--into",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Put the table into this Markdown file, and the JSON beside it. Works that are not "
    "measured now keep their rows.",
)
def main(
    only: tuple[str, ...],
    systems: tuple[str, ...],
    runs: int,
    data: Path | None,
    disk: Path | None,
    quick: bool,
    listed: bool,
    into: Path | None,
) -> None:
    """Measure this service beside others; print a table as Markdown, then as JSON."""
    works = _chosen(QUICK if quick else FULL, only)
    subjects = _chosen(SYSTEMS, systems)
    if listed:
        click.echo("\n".join([one.name for one in works] + [one.name for one in subjects]))
        return
    _prepare()
    root = Path(tempfile.mkdtemp(prefix="uploads-bench-", dir=data or _SHM))
    folders = [root, *([disk / root.name] if disk else [])]
    session = Session(_planned(works, subjects, runs, folders), _say)
    _show(_measured(session, folders), works, subjects, into)
    if session.failed:
        raise click.ClickException("without a result: " + "; ".join(session.failed))


def _planned(
    works: Sequence[Work], systems: Sequence[System], runs: int, folders: Sequence[Path]
) -> list[Step]:
    """Everything in memory, the first folder; then some of it once more on a disk, the second."""
    planned = list(steps(works, systems, runs, folders[0], "memory"))
    for folder in folders[1:]:
        on_disk = [work for work in works if work.on_disk]
        planned += steps(on_disk, systems, 1, folder, "disk")
    return planned


def _chosen(known: Sequence[T], names: tuple[str, ...]) -> list[T]:
    unknown = set(names) - {one.name for one in known}
    if unknown:
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: see --list")
    return [one for one in known if not names or one.name in names]


def _prepare() -> None:
    """Room for thousands of connections, none of this shell's settings, a clean end when told."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for name in [name for name in os.environ if name.startswith("UPLOADS_")]:
        del os.environ[name]

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)


def _measured(session: Session, folders: Sequence[Path]) -> list[Measurement]:
    begun = time.monotonic()
    try:
        found = list(session.measure())
        _say(f"took {(time.monotonic() - begun) / 60:.1f} minutes")
        return found
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _show(
    measurements: Sequence[Measurement],
    works: Sequence[Work],
    systems: Sequence[System],
    into: Path | None,
) -> None:
    if into is not None:
        measurements = [*_earlier(into, {one.row.work for one in measurements}), *measurements]
        works = [work for work in FULL if any(work.name == one.row.work for one in measurements)]
        systems = SYSTEMS
    text = table.markdown(measurements, works, systems)
    data = table.as_json(measurements, systems)
    click.echo(text)
    click.echo(data)
    if into is not None:
        before, _, rest = into.read_text().partition(_BEGIN)
        into.write_text(f"{before}{_BEGIN}{text}{_END}{rest.partition(_END)[2]}")
        into.with_suffix(".json").write_text(data + "\n")


def _earlier(into: Path, but: Collection[str]) -> list[Measurement]:
    """What was measured before, but for these works."""
    known = into.with_suffix(".json")
    if not known.exists():
        return []
    runs = (table.from_json(one) for one in json.loads(known.read_text())["runs"])
    return [one for one in runs if one.row.work not in but]


def _say(line: str) -> None:
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
