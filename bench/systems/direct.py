"""The limit: clients put straight into the store, to URLs that were signed before the clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load.upload import Upload, raw_upload
from bench.systems.store import BUCKET, running_store
from bench.systems.system import Running, Transfer


class Direct:
    name = "direct PUT"
    doors = ("raw",)
    settings = "presigned PutObject (SigV4 in the query), signed before the clock starts"

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        with running_store(folder) as store:
            sign = store.signer()

            def upload(door: str, number: int, size: int) -> Upload:
                del door
                target = sign(f"direct-{number:08}-{size}")
                return raw_upload("PUT", target, store.port, size, 200)

            transfer = Transfer(("boto3", store.endpoint, BUCKET), store.env)
            trees = {"store": [store.pid]}
            yield Running(store.port, trees, upload, store.folder, transfer=transfer)
