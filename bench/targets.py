"""What this service has to reach, and whether it did: always computed, never typed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bench.work.measurement import Row, Summary

Found = Mapping[Row, Summary]
Figure = Callable[[Found], float | None]
_DOORS = ("form", "raw")


@dataclass(frozen=True, slots=True)
class Target:
    """`figure` must be at least, or with `at_most` at most, `bound`; None: it was not measured."""

    work: str
    what: str
    bound: float
    figure: Figure
    at_most: bool = False

    def met(self, found: Found) -> bool | None:
        value = self.figure(found)
        if value is None:
            return None
        return value <= self.bound if self.at_most else value >= self.bound

    def spread(self, rounds: Iterable[Found]) -> tuple[float, float] | None:
        """The least and the most of it in single rounds; None where there are not two."""
        values = [value for one in rounds if (value := self.figure(one)) is not None]
        return (min(values), max(values)) if len(values) > 1 else None


def _figure(found: Found, work: str, system: str, door: str, name: str) -> float | None:
    summary = found.get(Row(work, system, door))
    return None if summary is None else summary.figures.get(name)


def _ours(work: str, name: str, worst: Callable[[list[float]], float]) -> Figure:
    """This service's figure through the door where it is worst."""

    def figure(found: Found) -> float | None:
        values = [_figure(found, work, "uploads", door, name) for door in _DOORS]
        known = [value for value in values if value is not None]
        return worst(known) if known else None

    return figure


def _times(work: str, other: str, door: str) -> Figure:
    """This service's throughput as a multiple of another's."""

    def figure(found: Found) -> float | None:
        mine = _ours(work, "mib_per_s", min)(found)
        theirs = _figure(found, work, other, door, "mib_per_s")
        return mine / theirs if mine is not None and theirs else None

    return figure


def _quotient(work: str, above: str, below: str) -> Figure:
    def figure(found: Found) -> float | None:
        upper = _figure(found, work, "uploads", "form", above)
        lower = _figure(found, work, "uploads", "form", below)
        return upper / lower if upper is not None and lower else None

    return figure


def _change(work: str, name: str) -> Figure:
    """By how much of itself a figure changed, up or down, from the empty library to the full."""
    quotient = _quotient(work, f"{name}_full", f"{name}_empty")

    def figure(found: Found) -> float | None:
        value = quotient(found)
        return None if value is None else abs(value - 1)

    return figure


def _batch(work: str, direct: float, naive: float, tus: float) -> tuple[Target, ...]:
    return (
        Target(work, "throughput ÷ direct PUT", direct, _times(work, "direct PUT", "raw")),
        Target(work, "throughput ÷ naive Flask", naive, _times(work, "naive Flask", "form")),
        Target(work, "throughput ÷ @tus/server", tus, _times(work, "@tus/server", "raw")),
    )


def _most(work: str, what: str, bound: float, name: str) -> Target:
    return Target(work, what, bound, _ours(work, name, max), at_most=True)


def _share(work: str, door: str, other: str) -> Figure:
    """Throughput by one door as a share of the direct PUT's, or of boto3's own transfer."""

    def figure(found: Found) -> float | None:
        mine = _figure(found, work, "uploads", door, "mib_per_s")
        theirs = _figure(found, work, "direct PUT", other, "mib_per_s")
        return mine / theirs if mine is not None and theirs else None

    return figure


def _drawn(work: str, door: str, other: str, other_door: str) -> Figure:
    """Pictures a second in the cell as a multiple of another's."""

    def figure(found: Found) -> float | None:
        mine = _figure(found, work, "uploads in its cell", door, "pictures_per_s")
        theirs = _figure(found, work, other, other_door, "pictures_per_s")
        return mine / theirs if mine is not None and theirs else None

    return figure


def _scanned(work: str) -> Figure:
    """What goes through our client to ClamAV as a share of what ClamAV takes at all."""

    def figure(found: Found) -> float | None:
        mine = _figure(found, work, "uploads' ClamAV client", "descriptor", "mib_per_s")
        theirs = _figure(found, work, "raw clamd", "descriptor", "mib_per_s")
        return mine / theirs if mine is not None and theirs else None

    return figure


def _granted_together(work: str, bound: float) -> tuple[Target, ...]:
    """For files of which 25 are granted, and completed, in a request."""
    together = "throughput, 25 in a request ÷ direct PUT"
    client = "throughput as uploads-client sends many ÷ direct PUT"
    return (
        Target(work, together, bound, _share(work, "signed × 25", "raw")),
        Target(work, client, bound, _share(work, "client × 25", "raw")),
    )


TARGETS: tuple[Target, ...] = (
    *_batch("large", 0.9, 1.3, 2.3),
    _most("large", "web CPU, s per GiB", 2.2, "web_cpu_s_per_gib"),
    _most("large", "web memory above idle, MiB", 64, "web_growth_mib"),
    *_batch("medium", 0.4, 1.8, 3.5),
    *_batch("small", 0.5, 2.5, 6),
    Target(
        "small", "throughput, 25 in a form ÷ direct PUT", 0.5, _share("small", "form × 25", "raw")
    ),
    _most("small", "web CPU, ms per upload", 1.8, "web_cpu_ms_per_upload"),
    Target(
        "grants",
        "grants a second on PostgreSQL",
        800,
        lambda found: _figure(found, "grants", "uploads on PostgreSQL", "grant", "grants_per_s"),
    ),
    Target(
        "signed-medium", "throughput ÷ direct PUT", 0.45, _share("signed-medium", "signed", "raw")
    ),
    *_granted_together("signed-medium", 0.45),
    Target("signed-small", "throughput ÷ direct PUT", 0.3, _share("signed-small", "signed", "raw")),
    *_granted_together("signed-small", 0.3),
    Target(
        "signed-large",
        "throughput ÷ boto3.upload_file",
        0.95,
        _share("signed-large", "library", "library"),
    ),
    _most("slow-1000", "slow clients that failed", 0, "failed"),
    _most("slow-1000", "time ÷ ideal", 1.2, "times_ideal"),
    _most("slow-1000", "normal uploads that failed", 0, "normal_failed"),
    Target(
        "slow-1000",
        "p50 of a normal upload ÷ idle",
        3,
        _quotient("slow-1000", "normal_p50_ms", "idle_p50_ms"),
        at_most=True,
    ),
    _most("slow-5000", "slow clients that failed", 0, "failed"),
    _most("slow-5000", "time ÷ ideal", 1.4, "times_ideal"),
    _most("slow-5000", "web memory, MiB", 512, "web_peak_mib"),
    _most("slow-5000", "S3 server's memory, MiB", 400, "store_peak_mib"),
    _most("growth", "peak memory, ± MiB of that at 1 MiB", 16, "change_mib"),
    Target(
        "library",
        "web CPU of one upload, change",
        0.1,
        _change("library", "web_cpu_ms_per_upload"),
        at_most=True,
    ),
    Target("library", "p50 of one upload, change", 0.1, _change("library", "p50_ms"), at_most=True),
    Target("photos", "pictures ÷ sharp's", 1, _drawn("photos", "WebP 1", "npm sharp", "WebP 4")),
    Target("pdf-text", "pages ÷ pdftoppm's", 3, _drawn("pdf-text", "WebP", "pdftoppm", "PNG")),
    Target(
        "pdf-drawing", "pages ÷ pdftoppm's", 1, _drawn("pdf-drawing", "WebP", "pdftoppm", "PNG")
    ),
    Target("clamav-large", "throughput ÷ raw clamd's", 0.9, _scanned("clamav-large")),
    Target("clamav-small", "throughput ÷ raw clamd's", 0.9, _scanned("clamav-small")),
)
