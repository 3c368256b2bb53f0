"""One large file into the store by a program's own library: `python -m bench.load.transfer`.

    boto3 ENDPOINT BUCKET FILE     boto3's managed transfer, all as by default
    client ADDRESS FILE            this service's own client, grant, parts and completion

Keys come by the environment. Prints the seconds it took, from before the call to after it; what
is needed once, the program's start and its first connection, is not in it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from boto3.session import Session
from botocore.config import Config

from uploads_client import Client


def _boto3(endpoint: str, bucket: str, path: str) -> Callable[[], object]:
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        # For servers that know no checksums in trailers, as the documentation of the SDK says.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = Session().client("s3", endpoint_url=endpoint, config=config)
    client.head_bucket(Bucket=bucket)
    return lambda: client.upload_file(path, bucket, Path(path).name)


def _client(address: str, path: str) -> Callable[[], object]:
    client = Client(address, os.environ["BENCH_KEY"])
    next(client.list(page_size=1), None)
    return lambda: client.upload(path, method="multipart")


def main(words: Sequence[str]) -> None:
    prepare: dict[str, Callable[..., Callable[[], object]]] = {"boto3": _boto3, "client": _client}
    transfer = prepare[words[0]](*words[1:])
    begun = time.monotonic()
    transfer()
    sys.stdout.write(f"{time.monotonic() - begun}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
