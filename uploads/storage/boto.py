"""boto3's client, as this service uses it: for what is too rare to be worth less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def make_client(
    endpoint: str, region: str, access_key: str | None, secret_key: str | None
) -> S3Client:
    """A client that signs with version 4: boto3 would sign but the path for an own endpoint.

    Without keys it asks the platform for those of this process's role.
    """
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=2,
            read_timeout=30,
            retries={"max_attempts": 2},
        ),
    )
