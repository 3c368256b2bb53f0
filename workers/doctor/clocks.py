"""Whether clocks agree: signatures, leases and times of expiry are compared between machines."""

from __future__ import annotations

from datetime import datetime, timedelta

from workers.doctor.findings import Finding, State

# A Date header has no fractions, and answers take their time.
_FINE = timedelta(seconds=5)
# Five minutes off, a signed URL of a quarter of an hour has lost a third of its life.
_TOO_MUCH = timedelta(minutes=5)


def compare(part: str, theirs: datetime, before: datetime, after: datetime) -> Finding:
    """Their time against ours, taken `before` and `after` it was asked for."""
    apart = max(before - theirs, theirs - after, timedelta(0))
    seconds = f"{apart.total_seconds():.0f} seconds from ours"
    if apart <= _FINE:
        return Finding(part, "clock", State.OK, "agrees with ours")
    follows = "signed URLs and leases end too early or too late: let both machines use NTP"
    state = State.BROKEN if apart > _TOO_MUCH else State.DEGRADED
    return Finding(part, "clock", state, seconds, follows)
