"""What the web processes share: the app's modules, imported and frozen before they are forked."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

# As gunicorn does it: what its configuration imports, the app, a fork, and how a worker begins.
_MASTER = """
import gc, json, os, signal, sys, time
from pathlib import Path
from gevent import monkey
from uploads import ahead, serving
def dirty(kind):
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}_Dirty:"))
heard = []
signal.signal(signal.SIGCHLD, lambda number, _: heard.append(number))
ahead.import_app()
heard.clear()
told = {
    "modules": [name for name in ("uploads.app", "boto3", "botocore") if name in sys.modules],
    "threads": monkey.is_module_patched("threading"),
    "fork": monkey.is_object_patched("os", "fork"),
    "before": dirty("Private"),
}
if os.fork():
    os.wait()
    print(json.dumps({"heard": len(heard)}))
else:
    ahead.patch_rest()
    told["sleep"] = time.sleep is not monkey.get_original("time", "sleep")
    gc.collect()
    print(json.dumps({**told, "own": dirty("Private"), "shared": dirty("Shared")}), flush=True)
    os._exit(0)
"""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    made = subprocess.run(
        [sys.executable, "-c", _MASTER], capture_output=True, text=True, check=True
    )
    return {
        name: said for line in made.stdout.splitlines() for name, said in json.loads(line).items()
    }


def test_the_web_processes_share_what_they_import(told: dict[str, Any]) -> None:
    """Looking for garbage would copy most of it; boto3 and its clients would be a quarter more."""
    assert told["modules"] == ["uploads.app"]
    assert told["own"] < told["before"] / 5
    assert told["shared"] > told["before"] / 2


def test_what_is_imported_is_patched_and_the_master_hears_of_its_children(
    told: dict[str, Any],
) -> None:
    assert (told["threads"], told["sleep"]) == (True, True)
    assert (told["fork"], told["heard"]) == (False, 1)
