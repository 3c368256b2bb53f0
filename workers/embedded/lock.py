"""One stack per data folder: a lock that the kernel drops when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from workers.embedded.part import StackError


class DataLock:
    """The lock on a data folder; its file names the holder's process and address."""

    def __init__(self, data: Path, address: str):
        """Take the lock.

        Raises StackError, naming the holder's address, when another process holds it.
        """
        self._file = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._file, 1000, 0).decode(errors="replace").split()
            self.release()
            raise StackError(_refusal(data, holder)) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()} {address}\n".encode(), 0)

    def release(self) -> None:
        # The file stays: removing it would let two newcomers lock two different files.
        os.close(self._file)


def _refusal(data: Path, holder: list[str]) -> str:
    if len(holder) != 2:
        return f"Another process is just starting on {data}."
    pid, address = holder
    return (
        f"The service runs on {data} already: {address} (process {pid}). "
        "Stop that one first, or choose another folder with UPLOADS_DATA."
    )
