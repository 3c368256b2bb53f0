"""What the settings say of files: which are accepted, and what bounds them on their way in."""

from __future__ import annotations

from datetime import timedelta

from uploads import scanner
from uploads.config import ConfigurationError, Settings
from uploads.documents.canaries import PROBE_CEILING_BYTES, Needs
from uploads.documents.intake import Limits
from uploads.documents.policy import Policy
from uploads.documents.readers import limits as readers


def policy(settings: Settings, scanned: bool) -> Policy:
    """What is accepted, where `scanned` by ClamAV or not. Raises ConfigurationError."""
    try:
        found = Policy(
            max_bytes=settings.max_file_bytes,
            allowed=settings.types,
            max_bytes_by_type=dict(settings.max_bytes_by_type),
            limits=readers.Limits.of(settings.model_dump()),
            tail_bytes=settings.tail_bytes,
        )
    except ValueError as error:
        raise ConfigurationError(f"UPLOADS_TYPES, UPLOADS_MAX_BYTES_BY_TYPE: {error}.") from error
    if scanned and found.largest > scanner.CEILING_BYTES:
        # Nothing is accepted in order to become unscannable.
        raise ConfigurationError(
            f"UPLOADS_MAX_FILE_BYTES, UPLOADS_MAX_BYTES_BY_TYPE: a type may have "
            f"{found.largest:,} bytes, but ClamAV reads at most {scanner.CEILING_BYTES:,}. Lower "
            "the limit, or do without ClamAV (UPLOADS_CLAMD=off)."
        )
    return found


def limits(settings: Settings) -> Limits:
    """What bounds a file on its way in."""
    return Limits(
        max_name_bytes=settings.max_name_bytes,
        segment_bytes=settings.segment_bytes,
        segment_seconds=settings.segment_seconds,
        grace_seconds=settings.grace_seconds,
        shared_file_bytes=settings.shared_file_bytes,
    )


def needs(settings: Settings, accepted: Policy) -> Needs:
    """What a virus scanner must do here to be trusted wholly."""
    return Needs(
        reach=accepted.largest,
        unpacks=min(settings.archive_bytes, PROBE_CEILING_BYTES),
        signatures=timedelta(hours=settings.signature_hours),
        strict=settings.env == "production",
        hold=settings.signature_hold,
        archive=settings.archive_bytes,
    )
