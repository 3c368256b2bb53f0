"""What /readyz says of what has to be proved: of the engines and how far they see, of the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from uploads.documents.canaries import SCANNER, Canary
from uploads.documents.proofs import Standing, StoreProof, standing
from uploads.judging import needs
from uploads.proofs import LastProof
from uploads.wiring import Services

Part = dict[str, str]


def recent(services: Services, now: datetime) -> Sequence[Canary]:
    """What every place that is alive last said of its engines. Raises RecordsUnavailable."""
    settings = services.settings
    since = now - timedelta(seconds=settings.canary_seconds + settings.job_seconds)
    return services.records.read(lambda work: work.inspections.canaries(since))


def engines(services: Services) -> set[str]:
    """The engines that have to prove themselves here."""
    return {"structure", "yara", *([SCANNER] if services.scanner_configured else [])}


def well(canary: Canary) -> bool:
    """Whether an engine did what was expected, and nothing is left to be withdrawn."""
    return canary.ok and canary.withdraw_from is None


def engines_part(services: Services, canaries: Sequence[Canary]) -> Part:
    """An engine that failed makes all of it unfit; one that nobody has tried is not known."""
    failed = [one for one in canaries if not well(one)]
    if failed:
        said = "; ".join(f"{one.engine} at {one.place} {one.detail}" for one in failed)
        return {"status": "unavailable", "detail": f"engines: {said}"}
    if untried := engines(services) - {one.engine for one in canaries}:
        untold = ", ".join(sorted(untried))
        return {"status": "degraded", "detail": f"engines: {untold} not tried lately"}
    return {"status": "ok", "detail": "engines: proved"}


def scanner_part(services: Services, canaries: Sequence[Canary], now: datetime) -> Part | None:
    """Where a virus scanner that answers falls short of what is asked of it; None where nowhere."""
    wanted = needs(services.settings, services.policy)
    for canary in canaries:
        if canary.engine != SCANNER or not canary.ok:
            continue
        reason = wanted.short_reach(canary) or wanted.old_signatures(canary, now)
        if reason:
            held = wanted.check(canary, now) is not None
            status = "unavailable" if held else "degraded"
            return {"status": status, "detail": f"virus scanner: configured, but {reason}"}
    return None


def scanner_note(services: Services, now: datetime) -> str | None:
    """What clients are told of the virus scanner; None where there is nothing to tell.

    Raises RecordsUnavailable.
    """
    if not services.scanner_configured:
        return "virus scanner: not configured"
    wanted = needs(services.settings, services.policy)
    reaches = [one.reach for one in recent(services, now) if one.engine == SCANNER]
    short = [reach for reach in reaches if reach is not None and reach < wanted.reach]
    return f"virus scanner: reads files of up to {min(short):,} bytes" if short else None


def last_proof(services: Services) -> StoreProof | None:
    """What was last proved of the store, as it is in the database. Raises RecordsUnavailable."""
    return LastProof(services.records, services.settings).read()


def grants_part(proof: StoreProof | None, now: datetime) -> Part:
    """Files can be taken in and given back without signed uploads: degraded at the worst."""
    found = standing(proof, now)
    if found is Standing.PROVED:
        return {"status": "ok", "detail": "grants: the store is proved"}
    said = f" ({proof.found})" if proof is not None and proof.found else ""
    return {"status": "degraded", "detail": f"grants: refused, the store is {found.value}{said}"}
