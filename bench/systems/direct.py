"""The limit: clients put straight into the store, to URLs that were signed before the clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.load.upload import Upload, raw_upload
from bench.systems.store import BUCKET, running_store
from bench.systems.system import Running, Transfer

SIGNED_LATE = "signed right before"
"""The door by which a program's client signs each URL with boto3 when it sends the file."""


class Direct:
    name = "direct PUT"
    doors = ("raw",)
    settings = "presigned PutObject (SigV4 in the query), signed before the clock starts"

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        with running_store(folder) as store:
            sign = store.signer()

            def upload(door: str, number: int, size: int) -> Upload:
                key = f"{door.partition(' ')[0]}-{number:08}-{size}"
                upload = raw_upload("PUT", sign(key), store.port, size, 200)
                return replace(upload, sign=partial(sign, key)) if door == SIGNED_LATE else upload

            transfer = Transfer(("boto3", store.endpoint, BUCKET), store.env)
            trees = {"store": [store.pid]}
            yield Running(store.port, trees, upload, store.folder, transfer=transfer)
