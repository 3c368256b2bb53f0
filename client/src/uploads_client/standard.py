"""Standard input, output and errors, any of which the caller may have closed."""

from __future__ import annotations

import os
import sys


def ready() -> bool:
    """Make them fit for use. False, and said on standard error, where there is no output.

    Python has None for a closed one. A closed descriptor gets the null device, else the next file
    or connection that is opened would be given its number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if sys.stdout is None:
        sys.stderr.write("uploads-client: standard output is closed. Send it somewhere.\n")
        return False
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show is no reason to fail.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    return True


def complain(text: str) -> None:
    """Say this on standard error. Where nobody takes it, the exit code says enough."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        # What is left of it would be tried again at the end, and change that code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
