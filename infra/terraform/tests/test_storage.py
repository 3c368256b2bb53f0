"""Keys, roles and buckets, really applied to a simulator on loopback; and what their policies mean.

The simulator (moto) neither checks signatures nor knows the conditions of bucket policies. So what
the policies mean is found out by evaluating them as they were rendered, against the table of the
README; and the service's storage suite runs on the buckets without them.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.contract.test_storage import (  # noqa: F401 -- the suite, run here once more
    test_a_body_shorter_than_announced_is_not_stored,
    test_a_large_object_comes_in_pieces_of_a_mebibyte_at_most,
    test_a_list_names_what_is_below_a_prefix,
    test_a_missing_object_is_missing,
    test_a_reader_that_stops_early_leaves_the_connection_usable,
    test_deleting_twice_is_quiet,
    test_ready_means_that_all_buckets_answer,
    test_stat_tells_size_and_an_aware_time,
    test_what_is_put_in_pieces_comes_back_whole,
)
from tests.support.policies import Ask, allowed
from tests.support.terraform import SOURCES, Configuration, running_simulator
from uploads.storage.protocol import Bucket
from uploads.storage.s3 import S3

REGION, ACCOUNT = "eu-central-1", "123456789012"
PREFIX = f"uploads-test-{ACCOUNT}-"
PROCESSES = ("web", "worker", "courier", "schedule", "clamd", "bootstrap")
VERBS = {
    "list": "s3:ListBucket",
    "get": "s3:GetObject",
    "put": "s3:PutObject",
    "delete": "s3:DeleteObject",
}
# Rights of an administrator, or of a role that somebody was too generous with.
EVERYTHING = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]


class Made:
    """What Terraform made, and what a second plan thought of it."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.endpoint = endpoint
        self._configuration = Configuration(folder, "tests/storage", endpoint=endpoint)
        self._configuration.apply()
        self.changes = self._configuration.changes()
        self.outputs = self._configuration.outputs()
        self.state = self._configuration.state()

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="simulator",
            aws_secret_access_key="simulator",
        )

    def inside(self, **other: str) -> dict[str, str]:
        """What AWS knows of an ordinary request from our own network; None takes away."""
        return {
            "aws:SecureTransport": "true",
            "s3:TlsVersion": "1.3",
            "s3:signatureAge": "899000",
            "s3:signatureversion": "AWS4-HMAC-SHA256",
            "aws:SourceVpce": self.outputs["endpoint_id"],
        } | {name.replace("__", ":").replace("_", "-"): text for name, text in other.items()}

    def may(
        self, process: str, action: str, bucket: str, context: dict[str, str], **more: Any
    ) -> bool:
        """Whether a process may; `role` replaces what its own role allows."""
        arn = f"arn:aws:s3:::{PREFIX}{bucket}"
        of_bucket = action.startswith("s3:ListBucket")
        own = self.outputs["role_policies"].get(process)
        role = more.get("role", json.loads(own)["Statement"] if own else [])
        principal = self.outputs["roles"].get(process, f"arn:aws:iam::{ACCOUNT}:role/{process}")
        ask = Ask(principal, action, arn if of_bucket else f"{arn}/doc/1", context)
        rules = json.loads(self.outputs["bucket_policies"][bucket])["Statement"]
        return allowed(ask, role=role, bucket=rules)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("storage")
    with running_simulator(folder / "simulator.log") as endpoint:
        yield Made(endpoint, folder)


@pytest.fixture(scope="module")
def unguarded(made: Made) -> S3:
    """The service's own store over those buckets; see the head of this file."""
    for bucket in Bucket:
        made.client("s3").delete_bucket_policy(Bucket=f"{PREFIX}{bucket}")
    return S3(
        endpoint=made.endpoint,
        public_url=made.endpoint,
        region=REGION,
        access_key="simulator",
        secret_key="simulator",
        bucket_prefix=PREFIX,
    )


@pytest.fixture
def storage(unguarded: S3) -> S3:
    return unguarded


def written_table() -> set[tuple[str, str, str]]:
    """Process, verb and bucket, from the README's table."""
    rows = re.findall(
        r"^\| (\w+) \| ([\w ,-]+) \| ([\w ,-]+) \| ([\w ,-]+) \|$",
        (SOURCES / "README.md").read_text(),
        re.MULTILINE,
    )
    cells = [
        (process, verb, bucket)
        for process, *columns in rows
        if process in PROCESSES
        for bucket, column in zip(Bucket, columns, strict=True)
        for verb in re.findall(r"\w+", column)
    ]
    assert {process for process, *_ in rows} >= set(PROCESSES)
    return set(cells)


def test_a_second_plan_finds_nothing_to_do(made: Made) -> None:
    assert not made.changes


def test_the_table_of_rights_is_exactly_what_the_policies_give(made: Made) -> None:
    found = {
        (process, verb, str(bucket))
        for process, verb, bucket in itertools.product(PROCESSES, VERBS, Bucket)
        if made.may(process, VERBS[verb], bucket, made.inside())
    }
    assert found == {(process, verb, str(bucket)) for process, verb, bucket in written_table()}


def test_nobody_else_gets_in_with_whatever_rights(made: Made) -> None:
    """An administrator reaches no file, nor does a process that was given too much."""
    others = [name for name in PROCESSES if name not in {"web", "worker"}]
    for process, action, bucket in itertools.product(
        ["administrator", *others], VERBS.values(), Bucket
    ):
        assert not made.may(process, action, bucket, made.inside(), role=EVERYTHING)


def test_only_the_worker_can_ever_publish(made: Made) -> None:
    """Also when the web's own role allowed everything."""
    for bucket, action in itertools.product(("clean", "quarantine"), ("put", "delete")):
        assert not made.may("web", VERBS[action], bucket, made.inside(), role=EVERYTHING)


def test_from_outside_there_is_what_signed_urls_are_for(made: Made) -> None:
    """A PUT into incoming and a GET from clean; nobody lists."""
    outside = made.inside()
    del outside["aws:SourceVpce"]
    found = {
        (process, verb, str(bucket))
        for process, verb, bucket in itertools.product(PROCESSES, VERBS, Bucket)
        if made.may(process, VERBS[verb], bucket, outside)
    }
    assert {(verb, bucket) for _, verb, bucket in found} == {("put", "incoming"), ("get", "clean")}


@pytest.mark.parametrize(
    "meddled",
    [
        {"aws__SecureTransport": "false"},
        {"s3__TlsVersion": "1.1"},
        {"s3__signatureAge": "900001"},
        {"s3__signatureversion": "AWS"},
    ],
    ids=lambda meddled: next(iter(meddled)),
)
def test_a_bad_way_is_refused_to_all(made: Made, meddled: dict[str, str]) -> None:
    """Without TLS or with an old one, and with a signature that is old or of an old kind."""
    context = made.inside(**meddled)
    for process, action, bucket in itertools.product(("web", "worker"), VERBS.values(), Bucket):
        assert not made.may(process, action, bucket, context, role=EVERYTHING)


def test_no_object_is_encrypted_by_another_key(made: Made) -> None:
    ours = made.outputs["files_key"]
    scheme, key = (
        "s3:x-amz-server-side-encryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    )
    for bucket in Bucket:
        for named, fine in (
            ({scheme: "aws:kms", key: ours}, True),
            ({scheme: "AES256"}, False),
            ({scheme: "aws:kms", key: ours[:-1] + "x"}, False),
        ):
            assert made.may("worker", "s3:PutObject", bucket, made.inside() | named) is fine


def test_what_nobody_needs_is_denied_to_everybody(made: Made) -> None:
    """No version is ever destroyed, no ACL or tag set, by whatever role."""
    for action, bucket, process in itertools.product(
        ("s3:DeleteObjectVersion", "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:GetObjectVersion"),
        Bucket,
        ("administrator", "web"),
    ):
        reads = action == "s3:GetObjectVersion" and process == "web"
        assert made.may(process, action, bucket, made.inside(), role=EVERYTHING) is reads


def test_the_trail_is_written_by_cloudtrail_and_deleted_by_nobody(made: Made) -> None:
    rules = json.loads(made.outputs["bucket_policies"]["audit"])["Statement"]
    arn = f"arn:aws:s3:::{PREFIX}audit/AWSLogs/{ACCOUNT}/1"
    trail = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/uploads-test"
    for source, fine in ((trail, True), (trail.replace(ACCOUNT, "999999999999"), False)):
        context = made.inside() | {"aws:SourceArn": source}
        ask = Ask("cloudtrail.amazonaws.com", "s3:PutObject", arn, context)
        assert allowed(ask, role=[], bucket=rules) is fine
    for action in ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"):
        ask = Ask("arn:aws:iam::1:root", action, arn, made.inside())
        assert not allowed(ask, role=EVERYTHING, bucket=rules)


def test_the_buckets_are_closed_versioned_encrypted_and_bounded(made: Made) -> None:
    """Asked of the store itself."""
    s3 = made.client("s3")
    for name in made.outputs["buckets"].values():
        block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        assert set(block.values()) == {True}
        assert len(block) == 4
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
        owned = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
        assert owned == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        days = [one["AbortIncompleteMultipartUpload"] for one in rules if one["ID"] == "unfinished"]
        assert days == [{"DaysAfterInitiation": 1}]
    for bucket in Bucket:
        found = s3.get_bucket_encryption(Bucket=f"{PREFIX}{bucket}")
        (rule,) = found["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"] == {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": made.outputs["files_key"],
        }
        assert rule["BucketKeyEnabled"] is True
    lock = s3.get_object_lock_configuration(Bucket=f"{PREFIX}audit")["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"].items() >= {"Mode": "COMPLIANCE", "Days": 365}.items()


def test_clean_files_never_expire_and_waiting_ones_not_soon(made: Made) -> None:
    s3 = made.client("s3")
    expiry = {}
    for bucket in Bucket:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=f"{PREFIX}{bucket}")["Rules"]
        expiry[str(bucket)] = [one["Expiration"]["Days"] for one in rules if one["ID"] == "expire"]
    assert expiry == {"incoming": [30], "quarantine": [60], "clean": []}


def test_no_secret_is_in_the_state(made: Made) -> None:
    """The values that were stored, each of which the simulator tells."""
    secrets = made.client("secretsmanager")
    names = [one["ARN"] for one in secrets.list_secrets()["SecretList"]]
    values = [secrets.get_secret_value(SecretId=name)["SecretString"] for name in names]
    assert sorted(map(len, values)) == [32, 64, 64]
    assert len(set(values)) == 3
    assert not [one for one in values if one in made.state]
