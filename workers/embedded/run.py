"""Runs the whole service on one machine, from the checks before the start to the last stop."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from uploads.config import Settings
from uploads.descriptors import raise_descriptor_limit
from workers.embedded.leftovers import end_leftovers, mark
from workers.embedded.lock import DataLock
from workers.embedded.part import StackError
from workers.embedded.preflight import (
    prepare_folder,
    require_port,
    require_types,
)
from workers.embedded.probes import unwell_parts
from workers.embedded.stack import STOP_ORDER, child_env, steps
from workers.embedded.stack_env import write_stack_env
from workers.embedded.supervisor import Supervisor


def run_stack(data: Path, port: int, given: Settings, say: Callable[[str], None]) -> None:
    """Start the stack, keep it running, and return when it was asked to stop and has stopped.

    `given` are the settings without those that an earlier start recorded. Raises StackError, in
    one sentence, when it cannot start or go on.
    """
    os.umask(0o077)
    raise_descriptor_limit()
    try:
        data = prepare_folder(data)
        lock = DataLock(data, f"http://127.0.0.1:{port}")
        try:
            _run_locked(data, port, given, say)
        finally:
            lock.release()
    except OSError as error:
        raise StackError(f"{error.filename or data}: {error.strerror or error}.") from error


def _run_locked(data: Path, port: int, given: Settings, say: Callable[[str], None]) -> None:
    if count := end_leftovers(data):
        say(f"Ended {count} processes that an earlier run had left.")
    require_port(port)
    require_types(given.types, dict(given.max_bytes_by_type))
    write_stack_env(data, given, port)
    settings = Settings.load(data=data, port=port).require_parts()
    env = child_env(data, port, mark(data))
    chosen = given.model_fields_set
    own = {"own_redis": "redis_url" not in chosen, "own_s3": "s3_endpoint" not in chosen}
    first_login = data / "first-login"

    def ready() -> None:
        if first_login.exists():
            say(
                f"The first administrator's name and password are in {first_login}; "
                "delete it once you have read it."
            )
        for name, status in unwell_parts(port, urlsplit(settings.public_url).netloc).items():
            say(f"{name} is {status}.")
        say(f"Ready: {settings.public_url}   (Ctrl-C stops)")

    Supervisor(
        steps(settings, **own, env=env),
        env=env,
        run_dir=data / "run",
        stop_order=STOP_ORDER,
        say=say,
    ).run(ready)
