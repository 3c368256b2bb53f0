"""The S3 server that all systems but one write to: started as the embedded stack starts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from boto3.session import Session
from botocore.config import Config

from bench.systems.process import free_port, program
from uploads.config import Settings
from uploads.storage.protocol import Bucket
from workers.embedded.part import Part
from workers.embedded.stack import steps

ACCESS_KEY, SECRET_KEY = "bench-access", "bench-secret-of-thirty-two-letters"
REGION = "us-east-1"
BUCKET = Bucket.INCOMING.value
_URL_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Store:
    """A running S3 server; `folder` is where it keeps the bucket's objects."""

    endpoint: str
    port: int
    pid: int
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """How the rivals are told of it."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "BENCH_S3_ENDPOINT": self.endpoint,
            "BENCH_S3_BUCKET": BUCKET,
        }

    def signer(self) -> Callable[[str], str]:
        """Signs URLs to put the object of a key; they come without scheme and host."""
        return partial(put_target, self.endpoint)


@lru_cache
def _client(endpoint: str) -> Any:
    return Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


def put_target(endpoint: str, key: str) -> str:
    """A URL to put the object of this key, without scheme and host, that boto3 signs now."""
    params = {"Bucket": BUCKET, "Key": key}
    url: str = _client(endpoint).generate_presigned_url(
        "put_object", Params=params, ExpiresIn=_URL_SECONDS
    )
    return url.removeprefix(endpoint)


@contextmanager
def running_store(folder: Path) -> Iterator[Store]:
    """Start it over an empty folder."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    (folder / "s3").mkdir(parents=True)
    settings = Settings(
        data=folder, s3_endpoint=endpoint, s3_access_key=ACCESS_KEY, s3_secret_key=SECRET_KEY
    )
    part = next(
        step
        for step in steps(settings, own_redis=False, own_s3=True, env={})
        if isinstance(step, Part) and step.name == "s3"
    )
    part.before()
    with program(
        part.argv, folder / "store", part.ready, part.env, takes_turns=part.takes_turns
    ) as process:
        yield Store(endpoint, port, process.pid, folder / "s3" / BUCKET)
