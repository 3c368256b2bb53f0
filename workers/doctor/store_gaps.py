"""What a store may or may not be able to do: the service rests on none of it, and says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from uploads.storage.protocol import Bucket
from workers.doctor.checkup import Look
from workers.doctor.findings import Finding, State
from workers.doctor.store import PART, look
from workers.doctor.store_checksum import checksum
from workers.doctor.trial import BODY, HEADERS, Store, Trial, error_code

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import LifecycleRuleOutputTypeDef as Rule

_ok = partial(Finding, PART, state=State.OK)
_gap = partial(Finding, PART, state=State.GAP)
# What stores say that do not know an operation, beside 501.
_UNKNOWN_TO_IT = {"NotImplemented", "MethodNotAllowed", "501", "405", "XNotImplemented"}
_NO_RULES = {"NoSuchLifecycleConfiguration", "404", "NoSuchLifecycle"}


def looks(store: Store) -> list[Look]:
    """Everything that makes a second lock, or saves work."""
    tries: dict[str, Callable[[Trial], Finding]] = {
        "conditional write": _conditional,
        "copy": _copy,
        "multipart": _multipart,
        "cors": _cors,
        "versioning": _versioning,
        "lifecycle": _lifecycle,
    }
    return [checksum(store), *(look(store, name, do) for name, do in tries.items())]


def _conditional(trial: Trial) -> Finding:
    key = trial.put()
    follows = "none is asked for: each key is random and written by one signed PUT"
    try:
        trial.store.client.put_object(
            Bucket=trial.store.name(Bucket.INCOMING), Key=key, Body=b"other", IfNoneMatch="*"
        )
    except ClientError as error:
        if error_code(error) in {"PreconditionFailed", "412"}:
            return _ok("conditional write", found="refuses If-None-Match where an object is")
        found = f"answers If-None-Match with {error_code(error)}"
        return _gap("conditional write", found=found, follows=follows)
    return _gap("conditional write", found="writes in spite of If-None-Match", follows=follows)


def _copy(trial: Trial) -> Finding:
    source, target = trial.put(), trial.key()
    name = trial.store.name(Bucket.INCOMING)
    follows = "none is asked for: the worker puts the very file that it inspected"
    try:
        trial.store.client.copy_object(
            Bucket=name, Key=target, CopySource={"Bucket": name, "Key": source}
        )
    except ClientError as error:
        return _gap("copy", found=f"answers {error_code(error)}", follows=follows)
    if trial.bytes_of(target) != BODY:
        return _gap("copy", found="says it did, and did not", follows=follows)
    return _ok("copy", found="copies objects")


def _multipart(trial: Trial) -> Finding:
    client, name, key = trial.store.client, trial.store.name(Bucket.INCOMING), trial.key()
    follows = "none is asked for: parts are objects of their own, joined by the worker"
    try:
        upload = client.create_multipart_upload(Bucket=name, Key=key)["UploadId"]
    except ClientError as error:
        return _gap("multipart", found=f"answers {error_code(error)}", follows=follows)
    try:
        part = client.upload_part(Bucket=name, Key=key, UploadId=upload, PartNumber=1, Body=BODY)
        client.complete_multipart_upload(
            Bucket=name,
            Key=key,
            UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
        )
    except (ClientError, KeyError) as error:
        client.abort_multipart_upload(Bucket=name, Key=key, UploadId=upload)
        word = error_code(error) if isinstance(error, ClientError) else "no ETag"
        return _gap("multipart", found=f"answers {word}", follows=follows)
    if trial.bytes_of(key) != BODY:
        return _gap("multipart", found="joins parts to something else", follows=follows)
    return _ok("multipart", found="joins parts")


def _cors(trial: Trial) -> Finding:
    """The preflight of a PUT that a page of ours, or of a listed origin, would send (Fetch
    standard, section 3.2.2)."""
    settings = trial.store.settings
    for origin in (settings.public_url, *settings.cors_origins):
        if not _lets_put(trial, origin):
            follows = (
                "browsers upload through the service; programs can use signed URLs all the same"
            )
            return _gap("cors", found=f"lets pages of {_host(origin)} send none", follows=follows)
    hosts = ", ".join(_host(one) for one in (settings.public_url, *settings.cors_origins))
    return _ok("cors", found=f"lets pages of {hosts} send signed PUTs")


def _host(origin: str) -> str:
    return urlsplit(origin).netloc


def _lets_put(trial: Trial, origin: str) -> bool:
    asked = ("content-type", "x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm")
    answer = trial.store.send(
        "OPTIONS",
        trial.url("PUT", trial.key(), HEADERS),
        Origin=origin,
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers=",".join(asked),
    )
    told = {name.lower(): text for name, text in answer.headers.items()}
    allowed = told.get("access-control-allow-origin")
    named = {
        word.strip().lower() for word in told.get("access-control-allow-headers", "").split(",")
    }
    named_all = "*" in named or named >= set(asked)
    return answer.status < 300 and allowed in {origin, "*"} and named_all


def _versioning(trial: Trial) -> Finding:
    store, kept = trial.store, []
    for bucket in Bucket:
        try:
            status = store.client.get_bucket_versioning(Bucket=store.name(bucket)).get("Status")
        except ClientError as error:
            word = error_code(error)
            if word in _UNKNOWN_TO_IT:
                return _ok("versioning", found="the store has none: what is deleted is gone")
            return _not_told("versioning", word)
        # Without a rule for them, earlier versions stay for ever.
        ends = any("NoncurrentVersionExpiration" in rule for rule in _rules(store, bucket) or ())
        if status is not None and not ends:
            kept.append(store.name(bucket))
    if kept:
        found = "earlier versions stay for ever in " + ", ".join(kept)
        follows = "what was deleted is still there: give these buckets a rule that ends it"
        return Finding(PART, "versioning", State.DEGRADED, found, follows)
    return _ok("versioning", found="what is deleted is gone, at once or by a rule")


def _lifecycle(trial: Trial) -> Finding:
    """Rules that help, and rules that would take what the database still promises."""
    store = trial.store
    settings, found = store.settings, {one: _rules(store, one) for one in Bucket}
    if None in found.values():
        return _not_told("lifecycle", "no rules, not even that there are none")
    soonest = {one: _soonest(rules or ()) for one, rules in found.items()}
    if (days := soonest[Bucket.CLEAN]) is not None:
        words = f"{store.name(Bucket.CLEAN)} loses its objects after {days}"
        follows = "documents that are promised lose their bytes: take that rule away"
        return Finding(PART, "lifecycle", State.BROKEN, words, follows)
    least = {
        Bucket.INCOMING: timedelta(seconds=settings.grant_seconds) + timedelta(days=1),
        Bucket.QUARANTINE: timedelta(days=settings.quarantine_days),
    }
    early = [one for one, time in least.items() if (soon := soonest[one]) and soon < time]
    if early:
        words = "takes objects too early from " + ", ".join(store.name(one) for one in early)
        follows = "keep them for UPLOADS_GRANT_SECONDS and a day, for UPLOADS_QUARANTINE_DAYS"
        return Finding(PART, "lifecycle", State.DEGRADED, words, follows)
    if any(soonest.values()):
        return _ok("lifecycle", found="ends what is left over")
    follows = "the worker removes leftovers itself, after UPLOADS_GRACE_SECONDS"
    return _gap("lifecycle", found="no rule ends what is left over", follows=follows)


def _rules(store: Store, bucket: Bucket) -> Sequence[Rule] | None:
    """The rules in force; None where the store does not tell. Raises no ClientError."""
    try:
        told = store.client.get_bucket_lifecycle_configuration(Bucket=store.name(bucket))
    except ClientError as error:
        return () if error_code(error) in _NO_RULES | _UNKNOWN_TO_IT else None
    return [rule for rule in told.get("Rules", []) if rule.get("Status") == "Enabled"]


def _soonest(rules: Sequence[Rule]) -> timedelta | None:
    """When an object that nobody replaced is taken; a rule with a date takes it at once."""
    ends = [rule["Expiration"] for rule in rules if "Expiration" in rule]
    times = [timedelta(days=end["Days"]) for end in ends if "Days" in end]
    times += [timedelta(0) for end in ends if "Date" in end]
    return min(times, default=None)


def _not_told(name: str, word: str) -> Finding:
    follows = "nothing rests on it; look yourself, or let this access key read it"
    return _gap(name, found=f"the store does not tell ({word})", follows=follows)
