"""What the doctor says of stores: of rclone, of one that checks, of one that checks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.checking_store import checking
from tests.support.lax_store import Powers, lax_store
from tests.support.ports import free_port
from tests.support.s3 import ACCESS_KEY, SECRET_KEY, client, running_s3
from uploads.config import Settings
from uploads.storage.protocol import Bucket
from workers.doctor import store
from workers.doctor.checkup import examine
from workers.doctor.findings import Finding, State, exit_code
from workers.doctor.rounds import store_looks

OK, GAP, DEGRADED, BROKEN = State.OK, State.GAP, State.DEGRADED, State.BROKEN
GRANTING = {"signatures", "expiry", "signed length", "signed type", "strangers"}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_s3(tmp_path_factory.mktemp("s3")) as address:
        yield address


def said(endpoint: str, *names: str, **settings: Any) -> dict[str, Finding]:
    """What is found there, of these alone where names are given."""
    given = Settings(
        s3_endpoint=endpoint, s3_access_key=ACCESS_KEY, s3_secret_key=SECRET_KEY, **settings
    )
    looks = [look for look in store_looks(given) if not names or look.name in names]
    assert len(looks) == len(names) or not names
    return {found.name: found for found in examine(looks, lambda _: None)}


def states(found: dict[str, Finding], *names: str) -> set[State]:
    return {found[name].state for name in names}


def test_rclone_keeps_every_promise_and_its_gaps_are_no_trouble(endpoint: str) -> None:
    found = said(endpoint)
    gaps = {"checksum", "conditional write", "cors", "lifecycle"}
    assert {name for name, one in found.items() if one.state is GAP} == gaps
    assert all(found[name].follows for name in gaps)
    assert states(found, *(found.keys() - gaps)) == {OK}
    assert store.grants(found.values()).state is OK
    assert exit_code(found.values()) == 0
    assert [list(client(endpoint).list(bucket)) for bucket in Bucket] == [[], [], []]


def test_a_store_that_checks_nothing_gets_no_grants() -> None:
    """Each of the promises is missed by itself, and one is enough."""
    with lax_store(Powers()) as lax:
        found = said(lax)
    assert states(found, *GRANTING) == {BROKEN}
    assert found["download headers"].state is DEGRADED
    assert found["checksum"].state is GAP
    assert states(found, "buckets", "objects", "public address", "clock") == {OK}
    refused = store.grants(found.values())
    assert (refused.state, refused.tried, exit_code([refused])) == (BROKEN, True, 2)
    fine = {name: Finding(store.PART, name, OK, "") for name in GRANTING}
    assert store.grants(fine.values()).state is OK
    for name in GRANTING:
        some = {**fine, name: Finding(store.PART, name, BROKEN, "")}
        assert name in store.grants(some.values()).found
        assert store.grants(some.values()).tried
        some[name] = Finding(store.PART, name, BROKEN, "", tried=False)
        unknown = store.grants(some.values())
        assert (unknown.state, unknown.tried) == (BROKEN, False)
        assert store.grants(one for one in fine.values() if one.name != name).state is BROKEN


def test_a_store_that_refuses_everything_is_no_proof() -> None:
    with lax_store(Powers(refuses=True)) as lax:
        found = said(lax)
    assert states(found, *GRANTING, "objects") == {BROKEN}


def test_what_a_store_can_do_is_seen() -> None:
    ends = "<Rule><Status>Enabled</Status>%s</Rule>"
    week = ends % "<Expiration><Days>7</Days></Expiration>"
    rules = {"incoming": week, "quarantine": week.replace("7", "40")}
    with lax_store(Powers(conditional=True, cors=True, rules=rules)) as able:
        found = said(able)
    names = ("conditional write", "copy", "multipart", "cors", "versioning", "lifecycle")
    assert states(found, *names) == {OK}


def test_pages_of_listed_origins_are_asked_for_as_well() -> None:
    """A store that lets only ours put is no store for theirs."""
    ours, theirs = "http://127.0.0.1:8000", "https://tools.example.org"
    with lax_store(Powers(cors=True)) as able:
        found = said(able, "cors", cors_origins=(theirs,))["cors"]
    assert found.found == "lets pages of 127.0.0.1:8000, tools.example.org send signed PUTs"
    with lax_store(Powers(cors=True, cors_origin=ours)) as narrow:
        assert states(said(narrow, "cors"), "cors") == {OK}
        found = said(narrow, "cors", cors_origins=(theirs,))["cors"]
    assert (found.state, found.found) == (GAP, "lets pages of tools.example.org send none")


def test_what_a_store_says_and_does_not_is_seen() -> None:
    """A copy that copies nothing, no multipart, versions that stay for ever."""
    with lax_store(Powers(copies=False, multipart=False, versioning=True)) as lying:
        found = said(lying, "copy", "multipart", "versioning")
    assert states(found, "copy", "multipart") == {GAP}
    assert found["versioning"].state is DEGRADED
    kept = "<Rule><Status>Enabled</Status><NoncurrentVersionExpiration/></Rule>"
    rules = {str(bucket): kept for bucket in Bucket}
    with lax_store(Powers(versioning=True, rules=rules)) as ended:
        assert said(ended, "versioning")["versioning"].state is OK


@pytest.mark.parametrize(
    ("bucket", "end", "state"),
    [
        ("clean", "<Days>3650</Days>", BROKEN),
        ("clean", "<Date>2030-01-01T00:00:00Z</Date>", BROKEN),
        ("incoming", "<Days>1</Days>", DEGRADED),
        ("quarantine", "<Days>29</Days>", DEGRADED),
        ("quarantine", "<Days>30</Days>", OK),
    ],
)
def test_a_rule_that_takes_what_is_promised_is_seen(bucket: str, end: str, state: State) -> None:
    rule = f"<Rule><Status>%s</Status><Expiration>{end}</Expiration></Rule>"
    with lax_store(Powers(rules={bucket: rule % "Enabled"})) as eager:
        assert said(eager, "lifecycle")["lifecycle"].state is state
    with lax_store(Powers(rules={bucket: rule % "Disabled"})) as idle:
        assert said(idle, "lifecycle")["lifecycle"].state is GAP


def test_a_checksum_that_is_held_against_the_bytes_is_seen(endpoint: str) -> None:
    with checking(endpoint) as front:
        found = said(endpoint, "checksum", "download headers", s3_public_url=front)
        assert states(found, "checksum", "download headers") == {OK}
    with checking(endpoint, fails=True) as front:
        found = said(endpoint, "checksum", s3_public_url=front)
        assert found["checksum"].state is DEGRADED


def test_what_is_not_there_is_named_and_the_rest_is_still_tried(endpoint: str) -> None:
    found = said(endpoint, s3_bucket_prefix="no-")
    assert found["buckets"].state is BROKEN
    assert "no-incoming" in found["buckets"].found
    assert states(found, "public address", "clock") == {OK}
    assert store.grants(found.values()).state is BROKEN


def test_a_store_that_keeps_nothing_or_fails_is_seen() -> None:
    with lax_store(Powers(forgets=True)) as forgetful:
        assert said(forgetful, "objects")["objects"].state is BROKEN
    with lax_store(Powers(fails=True)) as failing:
        found = said(failing, "public address", "clock")
    assert states(found, "public address") == {DEGRADED}


@pytest.mark.parametrize(("seconds", "state"), [(-60, DEGRADED), (3600, BROKEN)])
def test_another_time_is_seen(seconds: int, state: State) -> None:
    with lax_store(Powers(skew=timedelta(seconds=seconds))) as late:
        assert said(late, "clock")["clock"].state is state


def test_where_the_public_address_cannot_be_reached_its_name_is_tried_at_the_endpoint(
    endpoint: str,
) -> None:
    """As a proxy would do it: that is how an installation begins. It is said, not hidden."""
    public = f"http://127.0.0.1:{free_port()}"
    found = said(endpoint, s3_public_url=public)
    assert found["public address"].state is DEGRADED
    assert states(found, *GRANTING, "download headers") == {OK}
    assert "not tried" in found["checksum"].found


def test_nobody_there_is_broken_and_says_no_secret() -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    found = said(nobody, "clock", "expiry")
    assert states(found, "clock", "expiry") == {BROKEN}
    assert not any(one.tried for one in found.values())
    assert not any("Signature" in one.found for one in found.values())


@pytest.mark.parametrize("status", [408, 429, 503])
def test_what_a_store_or_a_proxy_in_trouble_answers_is_no_proof(status: int) -> None:
    """Refused for another reason than its signature: nothing was found out."""
    with lax_store(Powers(troubled=status)) as busy:
        found = said(busy, "signatures", "expiry", "signed length", "signed type")
    assert {one.tried for one in found.values()} == {False}
