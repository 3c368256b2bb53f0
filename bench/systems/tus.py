"""npm `@tus/server` with `@tus/s3-store`, into the same kind of S3 server."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load.upload import Upload, raw_upload
from bench.systems.node import node
from bench.systems.process import free_port, listens, program
from bench.systems.store import running_store
from bench.systems.system import Running

_FOLDER = Path(__file__).parents[1] / "tus"
_TYPE = base64.b64encode(b"video/mp4").decode()


class Tus:
    name = "@tus/server"
    doors = ("raw",)
    settings = (
        "`@tus/s3-store` with partSize 8 MiB as in its documentation, without tags (the store has "
        "none); one POST a file (creation-with-upload), the fewest requests that tus needs"
    )

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        port = free_port()
        with running_store(folder) as store:
            env = {**store.env, "PORT": str(port), "NODE_ENV": "production"}
            argv = [node(), str(_FOLDER / "server.mjs")]
            with program(argv, folder / "web", lambda: listens(port), env) as process:

                def upload(door: str, number: int, size: int) -> Upload:
                    del door
                    name = base64.b64encode(f"film-{number}.mp4".encode()).decode()
                    headers = (
                        "Tus-Resumable: 1.0.0",
                        f"Upload-Length: {size}",
                        f"Upload-Metadata: filename {name},filetype {_TYPE}",
                        "Content-Type: application/offset+octet-stream",
                    )
                    return raw_upload("POST", "/files", port, size, 201, *headers)

                trees = {"web": [process.pid], "store": [store.pid]}
                yield Running(port, trees, upload, store.folder)
