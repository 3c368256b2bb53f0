"""PyPI `copyparty`: a file server that writes to its own disk and keeps no store."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load.upload import Upload, form_upload, raw_upload
from bench.systems.process import free_port, listens, program
from bench.systems.system import Running

# Installed there by `make bench`, beside the service's own environment.
PACKAGES = Path(__file__).parents[2] / ".tools" / "bench"


class Copyparty:
    name = "copyparty"
    doors = ("form", "raw")
    settings = (
        "as by default, with `-q` (no log of requests) and `--wram` (it refuses folders in memory "
        "otherwise); writes files to a folder, no S3"
    )

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        port, files = free_port(), folder / "files"
        files.mkdir()
        argv = [
            *(sys.executable, "-m", "copyparty", "-q", "--wram", "--http-only"),
            *("-i", "127.0.0.1", "-p", str(port), "-v", f"{files}::rw"),
        ]
        env = {"PYTHONPATH": str(PACKAGES), "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        with program(argv, folder / "web", lambda: listens(port), env) as process:

            def upload(door: str, number: int, size: int) -> Upload:
                name = f"{door}-{number}.mp4"
                if door == "raw":
                    return raw_upload("PUT", f"/{name}", port, size, 201)
                act = (("act", "bput"),)
                return form_upload("/", port, size, 201, name, "f", fields=act)

            yield Running(port, {"web": [process.pid]}, upload, files)
