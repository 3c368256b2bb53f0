"""npm `@uppy/companion`, which signs forms for browsers to upload straight into a bucket."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load.upload import Upload, request_head
from bench.systems.node import node
from bench.systems.process import free_port, listens, program
from bench.systems.store import running_store
from bench.systems.system import Running

_FOLDER = Path(__file__).parents[1] / "companion"


class Companion:
    name = "@uppy/companion"
    doors: tuple[str, ...] = ()
    settings = (
        "in an Express app as in its documentation, one process of Node; `GET /s3/params` signs a "
        "form for one file and keeps nothing"
    )

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        port = free_port()
        with running_store(folder) as store:
            env = {
                **store.env,
                "PORT": str(port),
                "NODE_ENV": "production",
                "COMPANION_SECRET": secrets.token_hex(16),
            }
            argv = [node(), str(_FOLDER / "server.mjs")]
            with program(argv, folder / "web", lambda: listens(port), env) as process:

                def ask(door: str, number: int, size: int) -> Upload:
                    del door, size
                    target = f"/s3/params?filename=film-{number}.mp4&type=video%2Fmp4"
                    return Upload(request_head("GET", target, port, 0), 0, b"", 200)

                trees = {"web": [process.pid], "store": [store.pid]}
                yield Running(port, trees, ask, store.folder)
