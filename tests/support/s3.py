"""A real S3 server for tests: rclone on loopback over a folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from tests.support.ports import free_port
from tests.support.waiting import eventually
from uploads.storage.protocol import Bucket
from uploads.storage.s3 import S3

ACCESS_KEY, SECRET_KEY = "testaccess", "testsecret12345"


@contextmanager
def running_s3(folder: Path, port: int | None = None, address: str = "127.0.0.1") -> Iterator[str]:
    """Start rclone over `folder`, our buckets in it; gives its endpoint, ends it afterwards."""
    port = port or free_port()
    for bucket in Bucket:
        (folder / bucket).mkdir(parents=True, exist_ok=True)
    binary = Path(sys.executable).with_name("rclone")
    command = [
        str(binary), "serve", "s3", str(folder), "--config=", f"--addr={address}:{port}",
        "--ignore-checksum", "--etag-hash=none", "--vfs-cache-mode=off",
        "--buffer-size=0", "--log-level=ERROR",
        f"--auth-key={ACCESS_KEY},{SECRET_KEY}",
    ]  # fmt: skip
    with subprocess.Popen(command) as process:
        try:
            endpoint = f"http://{address}:{port}"
            eventually(lambda: _answers(endpoint), seconds=60)
            yield endpoint
        finally:
            process.terminate()


def client(endpoint: str, public_url: str | None = None, bucket_prefix: str = "") -> S3:
    """Our storage over that server."""
    return S3(
        endpoint=endpoint,
        public_url=public_url or endpoint,
        region="us-east-1",
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        bucket_prefix=bucket_prefix,
    )


def _answers(endpoint: str) -> bool:
    try:
        return urllib3.request("GET", endpoint, retries=False, timeout=5.0).status > 0
    except urllib3.exceptions.HTTPError:
        return False
