"""What ends one step of a run, and not the whole run."""

from __future__ import annotations


class StepFailed(Exception):
    """Raised when a step has no result; its text says why. One class below it for each cause."""
