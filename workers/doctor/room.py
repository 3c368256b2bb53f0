"""Room on the disks of this machine: for uploads, and for inspections at the same time."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from uploads import disk
from uploads.config import Settings
from uploads.documents.errors import StorageFull
from workers.doctor.checkup import Look
from workers.doctor.findings import Finding, State
from workers.machine import processes

PART = "disk"
_SECONDS = 10.0
MIB = 1024 * 1024


def looks(settings: Settings) -> list[Look]:
    return [
        Look(PART, str(folder), partial(_room, settings, folder), _SECONDS)
        for folder in disk.folders(settings)
    ]


def _room(settings: Settings, folder: Path) -> Finding:
    name = str(folder)
    if not folder.exists():
        follows = "it is made when it is needed; see that there is room for it"
        return Finding(PART, name, State.GAP, "does not exist yet", follows)
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    told = f"{free // MIB:,} MiB free"
    guard = disk.DiskGuard(
        [folder],
        reserve_bytes=settings.disk_reserve_bytes,
        reserve_percent=settings.disk_reserve_percent,
    )
    try:
        guard.check()
    except StorageFull:
        follows = "uploads are refused and inspections wait: make room"
        return Finding(PART, name, State.BROKEN, f"{told}, less than the reserve", follows)
    largest = max([settings.max_file_bytes, *(size for _, size in settings.max_bytes_by_type)])
    at_once = largest * processes(settings) + settings.disk_reserve_bytes
    if folder == settings.scratch_dir and free < at_once:
        follows = f"some wait: {at_once // MIB:,} MiB are needed for the largest files at once"
        return Finding(PART, name, State.DEGRADED, told, follows)
    return Finding(PART, name, State.OK, told)
