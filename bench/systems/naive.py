"""A naive Flask view under gunicorn, as tutorials show it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load.upload import Upload, form_upload
from bench.systems.process import free_port, listens, program
from bench.systems.store import running_store
from bench.systems.system import Running

_ROOT = Path(__file__).parents[2]


class NaiveFlask:
    name = "naive Flask"
    doors = ("form",)
    settings = (
        "`request.files` and `boto3.upload_fileobj` under gunicorn, "
        "gthread, 2 workers of 32 threads, all else as by default"
    )

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        port = free_port()
        with running_store(folder) as store:
            argv = [
                *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"),
                *("--workers", "2", "--worker-class", "gthread", "--threads", "32"),
                *("--no-control-socket", "bench.systems.naive_app:app"),
            ]
            env = {**store.env, "PYTHONPATH": str(_ROOT)}
            with program(argv, folder / "web", lambda: listens(port), env) as process:

                def upload(door: str, number: int, size: int) -> Upload:
                    del door
                    return form_upload("/upload", port, size, 201, f"film-{number}.mp4", "file")

                trees = {"web": [process.pid], "store": [store.pid]}
                yield Running(port, trees, upload, store.folder)
