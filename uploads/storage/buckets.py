"""Making what the service needs of an empty store: its buckets, and who may put from a browser.

For operators, and with keys that the service itself need not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from uploads.documents.errors import StorageUnavailable
from uploads.storage.protocol import Bucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# What a signed PUT of ours may carry (`documents/granting.py`); a browser asks before it sends it.
_PUT_HEADERS = ["content-type", "x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm"]
_ASK_AGAIN_SECONDS = 3600
_HERE_ALREADY = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def make_buckets(client: S3Client, prefix: str, region: str) -> list[str]:
    """Make those of the three buckets that are missing (S3 `CreateBucket`); returns their names.

    Raises StorageUnavailable when the store cannot be reached or does not let us.
    """
    return [name for bucket in Bucket if _made(client, name := f"{prefix}{bucket.value}", region)]


def _made(client: S3Client, name: str, region: str) -> bool:
    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if _status(error) != 404:
            raise StorageUnavailable(f"bucket {name}: {error}") from error
    except BotoCoreError as error:
        raise StorageUnavailable(str(error)) from error
    else:
        return False
    # AWS wants to be told of every region but its first one (S3 `CreateBucket`).
    where: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        client.create_bucket(Bucket=name, **({} if region == "us-east-1" else where))
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _HERE_ALREADY:
            return False  # somebody else made it meanwhile
        raise StorageUnavailable(f"bucket {name}: {error}") from error
    except BotoCoreError as error:
        raise StorageUnavailable(str(error)) from error
    return True


def let_browsers_put(client: S3Client, prefix: str, origins: Sequence[str]) -> bool:
    """Let pages of these origins send signed PUTs into `incoming` (S3 `PutBucketCors`).

    Returns whether the store kept the rule, which not every store can: it is read again. Raises
    StorageUnavailable when the store cannot be reached or does not let us.
    """
    bucket = f"{prefix}{Bucket.INCOMING.value}"
    rule: Any = {
        "AllowedOrigins": [*origins],
        "AllowedMethods": ["PUT"],
        "AllowedHeaders": _PUT_HEADERS,
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": _ASK_AGAIN_SECONDS,
    }
    try:
        client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
        kept = client.get_bucket_cors(Bucket=bucket).get("CORSRules", [])
    except ClientError as error:
        if _status(error) in {401, 403} or (_status(error) >= 500 and _status(error) != 501):
            raise StorageUnavailable(f"CORS of {bucket}: {error}") from error
        return False
    except BotoCoreError as error:
        raise StorageUnavailable(str(error)) from error
    return [one.get("AllowedOrigins") for one in kept] == [[*origins]]


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
