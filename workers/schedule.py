"""What Celery's beat sends, and how often. A message that waits too long is dropped unread."""

from __future__ import annotations

from typing import Any

from uploads.config import Settings
from uploads.queue import SWEEP_TASK

TIDY_TASK = "uploads.tidy"
PROVE_TASK = "uploads.prove"
CANARY_TASK = "uploads.canary"
# A proof is repeated hourly (`documents/proofs.py`); what is not proved has its chance sooner.
_PROVE_SECONDS = 600.0


def beat_schedule(settings: Settings) -> dict[str, Any]:
    """The sweep each `sweep_seconds`; the thorough look six times in each grace time; whether
    the store is to be tried again is looked at each ten minutes, and engines are tried each
    `canary_seconds`, beside each start of a worker.
    """
    tidy_seconds = max(settings.sweep_seconds, settings.grace_seconds / 6)
    return {
        "sweep": {
            "task": SWEEP_TASK,
            "schedule": settings.sweep_seconds,
            "options": {"expires": max(1.0, settings.sweep_seconds)},
        },
        "tidy": {
            "task": TIDY_TASK,
            "schedule": tidy_seconds,
            "options": {"expires": tidy_seconds},
        },
        "canary": {
            "task": CANARY_TASK,
            "schedule": float(settings.canary_seconds),
            "options": {"expires": float(settings.canary_seconds)},
        },
        "prove": {
            "task": PROVE_TASK,
            "schedule": _PROVE_SECONDS,
            "options": {"expires": _PROVE_SECONDS},
        },
    }
