"""What a store must do: keep objects, and hold clients to what was signed for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial

from uploads.storage.protocol import Bucket
from workers.doctor.checkup import Look
from workers.doctor.findings import Finding, State
from workers.doctor.trial import BODY, HEADERS, Store, Trial, error_code

PART = "store"
GRANTS = "grants"
_SECONDS = 60.0
_HOUR = timedelta(hours=1)
# What must hold before a client may be given a signed URL.
_NEEDED_FOR_GRANTS = ("signatures", "expiry", "signed length", "signed type", "strangers")
_NO_GRANTS = "clients must not be given signed URLs of this store"


def looks(store: Store) -> list[Look]:
    """Everything that the service rests on."""
    tries: dict[str, Callable[[Trial], Finding]] = {
        "buckets": _buckets,
        "objects": _objects,
        "public address": _public_address,
        "signatures": _signatures,
        "expiry": _expiry,
        "signed length": _length,
        "signed type": _type,
        "strangers": _strangers,
        "download headers": _download_headers,
    }
    return [look(store, name, do) for name, do in tries.items()]


def promises(store: Store) -> list[Look]:
    """What must hold before a client may be given a signed URL, and nothing besides."""
    return [one for one in looks(store) if one.name in _NEEDED_FOR_GRANTS]


def look(store: Store, name: str, do: Callable[[Trial], Finding]) -> Look:
    """A look with objects of its own."""

    def tried() -> Finding:
        with store.trial() as trial:
            return do(trial)

    return Look(PART, name, tried, _SECONDS)


def grants(findings: Iterable[Finding]) -> Finding:
    """Whether clients may be given signed URLs: only where every single promise was seen kept."""
    asked = {one.name: one for one in findings if one.part == PART}
    kept = {name for name, one in asked.items() if one.state is State.OK}
    missing = [name for name in _NEEDED_FOR_GRANTS if name not in kept]
    if missing:
        found = "must not be offered: " + ", ".join(missing)
        tried = any(name in asked and asked[name].tried for name in missing)
        return Finding(PART, GRANTS, State.BROKEN, found, _NO_GRANTS, tried)
    return Finding(PART, GRANTS, State.OK, "may be offered")


_ok = partial(Finding, PART, state=State.OK)


def _buckets(trial: Trial) -> Finding:
    from botocore.exceptions import ClientError  # noqa: PLC0415  workers try all but this

    store, missing = trial.store, []
    for bucket in Bucket:
        try:
            store.client.head_bucket(Bucket=store.name(bucket))
        except ClientError as error:
            missing.append(f"{store.name(bucket)} ({error_code(error)})")
    if missing:
        found = "not there, or closed to this access key: " + ", ".join(missing)
        follows = "make them; until then uploads are answered 503"
        return Finding(PART, "buckets", State.BROKEN, found, follows)
    return _ok("buckets", found=", ".join(store.name(bucket) for bucket in Bucket))


def _objects(trial: Trial) -> Finding:
    inside, key = trial.store.inside, trial.put()
    with inside.open_range(Bucket.INCOMING, key, 4, 6) as pieces:
        part = b"".join(pieces)
    listed = [one.size for one in inside.list(Bucket.INCOMING, key)]
    whole = trial.bytes_of(key)
    inside.delete(Bucket.INCOMING, key)
    inside.delete(Bucket.INCOMING, key)
    wrong = [
        name
        for name, fine in (
            ("the bytes", whole == BODY),
            ("a range of them", part == BODY[4:10]),
            ("the list", listed == [len(BODY)]),
            ("what was deleted", trial.bytes_of(key) is None),
        )
        if not fine
    ]
    if wrong:
        found = "other than it should be: " + ", ".join(wrong)
        return Finding(PART, "objects", State.BROKEN, found, "this store cannot be used")
    return _ok("objects", found="written, read, read in part, listed, deleted")


def _public_address(trial: Trial) -> Finding:
    url = trial.store.settings.s3_public_url
    if trial.store.public_answers:
        return _ok("public address", found=f"{url} answers")
    follows = "the rest was tried at the endpoint under its name; see that clients reach it"
    found = f"{url} cannot be reached from here"
    return Finding(PART, "public address", State.DEGRADED, found, follows)


def _signatures(trial: Trial) -> Finding:
    key, other = trial.key(), trial.key()
    url = trial.url("PUT", key, HEADERS)
    wrong = url[:-1] + ("0" if url[-1] != "0" else "1")
    taken = [
        name
        for name, tried, where in (
            ("no signature", url.partition("?")[0], key),
            ("a wrong signature", wrong, key),
            ("the signature of another object", url.replace(key, other), other),
        )
        if not trial.refuses_put(tried, where)
    ]
    if taken:
        found = "takes a PUT with " + ", ".join(taken)
        return Finding(PART, "signatures", State.BROKEN, found, _NO_GRANTS)
    return _taken_as_signed(trial, "signatures", "refuses what is not signed")


def _taken_as_signed(trial: Trial, name: str, found: str) -> Finding:
    """A store that refuses everything holds nobody to anything."""
    key = trial.key()
    if trial.refuses_put(trial.url("PUT", key, HEADERS), key):
        found = "refuses what is signed rightly: is the public address the one it knows?"
        return Finding(PART, name, State.BROKEN, found, _NO_GRANTS)
    return _ok(name, found=found)


def _held_to(trial: Trial, name: str, refused: bool, found: str, taken: str) -> Finding:
    if not refused:
        return Finding(PART, name, State.BROKEN, taken, _NO_GRANTS)
    return _taken_as_signed(trial, name, found)


def _expiry(trial: Trial) -> Finding:
    key = trial.key()
    refused = trial.refuses_put(trial.url("PUT", key, HEADERS, ago=_HOUR), key)
    return _held_to(
        trial, "expiry", refused, "refuses a URL whose time is over", "takes a URL of an hour ago"
    )


def _length(trial: Trial) -> Finding:
    key = trial.key()
    longer, url = BODY + b"!", trial.url("PUT", key, HEADERS)
    refused = trial.refuses_put(url, key, longer, Content_Length=str(len(longer)))
    return _held_to(
        trial, "signed length", refused, "takes that many bytes alone", "takes another length"
    )


def _type(trial: Trial) -> Finding:
    key = trial.key()
    refused = trial.refuses_put(trial.url("PUT", key, HEADERS), key, Content_Type="text/html")
    return _held_to(trial, "signed type", refused, "takes that type alone", "takes another type")


def _strangers(trial: Trial) -> Finding:
    store, key = trial.store, trial.put()
    base = store.settings.s3_public_url
    places = {f"{base}/{store.name(Bucket.INCOMING)}/{key}": "an object"}
    places |= {f"{base}/{store.name(one)}?list-type=2": f"the list of {one}" for one in Bucket}
    told = [name for url, name in places.items() if store.send("GET", url).status < 400]
    if told:
        found = "tells strangers " + ", ".join(told)
        follows = "close the buckets to everybody: what is not inspected could be read"
        return Finding(PART, "strangers", State.BROKEN, found, follows)
    return _ok("strangers", found="are told nothing")


def _download_headers(trial: Trial) -> Finding:
    wanted = {"disposition": 'attachment; filename="a.bin"', "content_type": "text/x-doctor"}
    key = trial.put()
    url = trial.store.inside.sign_get(Bucket.INCOMING, key, seconds=60, **wanted)
    # A proxy lets nobody read from this bucket, and what is tried is the store.
    answer = trial.store.send("GET", url, inside=True)
    headers = {name.lower(): text for name, text in answer.headers.items()}
    fine = headers.get("content-disposition") == wanted["disposition"]
    if answer.status != 200 or answer.data != BODY:
        found = f"a signed GET was answered with {answer.status}"
        return Finding(PART, "download headers", State.BROKEN, found, "downloads do not work")
    if not fine or not headers.get("content-type", "").startswith("text/x-doctor"):
        found = "does not send the Content-Disposition and Content-Type that were signed"
        follows = "a download may open in the browser, under the store's own name"
        return Finding(PART, "download headers", State.DEGRADED, found, follows)
    return _ok("download headers", found="sends those that were signed")
