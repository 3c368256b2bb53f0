"""Verdicts as JSON: how they are kept beside their document and in the append-only table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from uploads.documents.model import EngineReport, Outcome, Verdict


def to_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "sha256": verdict.sha256,
        "size": verdict.size,
        "inspected_at": verdict.inspected_at.astimezone(UTC).isoformat(),
        "engines": [
            {
                "name": report.name,
                "version": report.version,
                "outcome": report.outcome.value,
                "signatures": report.signatures,
                "finding": report.finding,
                "reason": report.reason,
            }
            for report in verdict.engines
        ],
    }


def from_json(kept: dict[str, Any]) -> Verdict:
    return Verdict(
        outcome=Outcome(kept["outcome"]),
        reason=kept["reason"],
        sha256=kept["sha256"],
        size=kept["size"],
        inspected_at=datetime.fromisoformat(kept["inspected_at"]),
        engines=tuple(
            EngineReport(**{**report, "outcome": Outcome(report["outcome"])})
            for report in kept["engines"]
        ),
    )
