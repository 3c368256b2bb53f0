"""Visits to webhooks: what is written down of each answer, when it is tried again, who waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Reference

from tests.support.line import TEXT
from tests.support.post import URL, Post
from uploads import faults
from uploads.documents.events import NAMES
from uploads.documents.webhooks import GIVE_UP_AFTER, PAUSES
from uploads.security.sealing import Sealer, Unreadable
from workers.courier.call import CallFailed, Interrupted
from workers.resealing import reseal


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


def failing(word: str = "timeout", *, unreached: bool = True) -> Callable[[], int]:
    def answer() -> int:
        raise CallFailed(word, unreached=unreached)

    return answer


def test_a_verdict_wakes_the_courier_and_is_told_as_the_document_was(post: Post) -> None:
    document = post.line.accept(TEXT)
    post.line.runner.run(post.line.job_of(document))
    assert post.line.hints.woken == [post.hook.id]
    post.visit()
    ((_headers, body),) = post.receiver.calls
    assert body.startswith(b'{"type":"document.clean","timestamp":"2026-11-20T12:00:00.000Z"')
    assert b'"verdict":{"outcome":"clean"' in body
    assert f"https://uploads.example.org/api/v1/documents/{document.id}".encode() in body
    assert post.delivery.state == "delivered"
    post.visit()
    assert len(post.receiver.calls) == 1


def test_the_signature_is_what_the_reference_computes(post: Post) -> None:
    post.told()
    post.visit()
    ((headers, body),) = post.receiver.calls
    when = post.line.now
    expected = Reference(post.secret).sign(headers["webhook-id"], when, body.decode())
    assert headers["webhook-signature"] == expected


def test_it_is_tried_for_a_day_at_the_least_then_given_up_and_shown(post: Post) -> None:
    post.receiver.answer = lambda: 503
    post.told()
    began, pauses = post.line.now, []
    while True:
        post.visit()
        if post.delivery.state != "pending":
            break
        pauses.append(post.delivery.not_before - post.line.now)
        post.line.now = post.delivery.not_before - timedelta(milliseconds=1)
        post.visit()
        assert len(post.receiver.calls) == len(pauses), "too early"
        post.line.now = post.delivery.not_before
    assert post.line.now - began >= GIVE_UP_AFTER > timedelta(hours=24)
    assert pauses[: len(PAUSES)] == list(PAUSES)
    assert post.delivery.state == "given-up"
    assert len(post.delivery.attempts) == len(pauses) + 1
    assert {one.error for one in post.delivery.attempts} == {"refused"}
    assert len({headers["webhook-id"] for headers, _ in post.receiver.calls}) == 1
    post.receiver.answer = lambda: 200
    post.webhooks.redeliver(post.line.actor, post.hook.id, post.delivery.id)
    post.visit()
    assert post.delivery.state == "delivered"


def test_an_unreachable_receiver_is_asked_for_one_and_left_alone_with_the_rest(post: Post) -> None:
    post.receiver.answer = failing()
    post.told(9)
    post.visit()
    first = len(post.receiver.calls)
    assert first <= 4
    assert sum(len(one.attempts) for one in post.deliveries()) == first
    post.visit()
    post.told()
    post.visit()
    assert len(post.receiver.calls) == first, "nothing is due, what came meanwhile neither"
    post.line.later(minutes=6)
    post.visit()
    assert len(post.receiver.calls) == first + 1, "one is enough to know"
    post.line.later(minutes=6)
    post.receiver.answer = lambda: 204
    post.visit()
    post.line.later(minutes=6)
    post.visit()
    assert {one.state for one in post.deliveries()} == {"delivered"}


def test_what_waits_for_a_dead_receiver_ends_with_its_day(post: Post) -> None:
    post.receiver.answer = failing()
    post.told(50)
    post.visit()
    post.line.later(hours=27)
    post.visit()
    assert {one.state for one in post.deliveries()} == {"given-up"}
    assert {one.attempts[-1].error for one in post.deliveries()} <= {"timeout", "not-tried"}


def test_one_that_refuses_a_message_hears_the_others(post: Post) -> None:
    answers = iter([500, 204, 204])
    post.receiver.answer = lambda: next(answers)
    post.told(3)
    post.visit()
    assert sorted(one.state for one in post.deliveries()) == ["delivered", "delivered", "pending"]


def test_gone_disables_and_what_waits_keeps_waiting(post: Post) -> None:
    post.receiver.answer = lambda: 410
    post.told()
    post.visit()
    assert (post.shown().disabled_reason, post.delivery.state) == ("gone", "given-up")
    document = post.line.accept(TEXT)
    post.line.runner.run(post.line.job_of(document))
    assert len(post.deliveries()) == 1


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (lambda: 302, 302, "redirect"),
        (lambda: 404, 404, "refused"),
        (failing("answer-too-large", unreached=False), None, "answer-too-large"),
    ],
)
def test_each_failure_has_its_word(post: Post, answer: Any, status: int, error: str) -> None:
    post.receiver.answer = answer
    post.told()
    post.visit()
    (attempt,) = post.delivery.attempts
    assert (attempt.status, attempt.error, post.delivery.state) == (status, error, "pending")


def test_whoever_dies_before_the_answer_is_written_down_tells_it_again(post: Post) -> None:
    post.told()
    faults.arm("w1:fail")
    with pytest.raises(faults.FaultInjected):
        post.visit()
    faults.arm(None)
    post.visit()
    assert len(post.receiver.calls) == 1, "the lease has not run out"
    post.line.later(seconds=31)
    post.visit()
    assert [headers["webhook-id"] for headers, _ in post.receiver.calls] == [post.delivery.id] * 2
    assert post.delivery.state == "delivered"


def test_a_stop_gives_the_webhook_back_and_writes_nothing_down(post: Post) -> None:
    def interrupted() -> int:
        raise Interrupted

    post.receiver.answer = interrupted
    post.told()
    post.visit()
    assert post.delivery.attempts == ()
    post.receiver.answer = lambda: 204
    post.visit()
    assert post.delivery.state == "delivered"


def test_slow_receivers_of_one_owner_leave_room_for_those_of_others(post: Post) -> None:
    """Of one owner no more are called at a time; who is turned away is called for afterwards."""
    other, _ = post.webhooks.create(post.line.actor, URL, NAMES)
    theirs, _ = post.webhooks.create(post.line.stranger, URL, NAMES)
    post.told()
    post.webhooks.test(post.line.actor, other.id)
    post.webhooks.test(post.line.stranger, theirs.id)
    post.hints.woken.clear()
    called: list[int] = []

    def meanwhile() -> int:
        post.receiver.answer = lambda: 204
        for hook in (other.id, other.id, theirs.id):
            post.courier.visit(hook)
            called.append(len(post.receiver.calls))
        return 204

    post.receiver.answer = meanwhile
    post.visit()
    assert called == [1, 1, 2]
    assert post.hints.woken == [other.id]
    post.courier.visit(other.id)
    assert len(post.receiver.calls) == 3


def test_secrets_are_sealed_and_survive_a_new_secret_key(post: Post) -> None:
    (kept,) = post.shown().secrets
    assert post.secret not in kept.sealed
    newer = Sealer(["n" * 32, "k" * 32], "webhooks")
    assert newer.open(kept.sealed) == post.secret
    for other in (Sealer(["n" * 32], "webhooks"), Sealer(["k" * 32], "other")):
        with pytest.raises(Unreadable):
            other.open(kept.sealed)
    post.told()
    post.make(Sealer(["n" * 32], "webhooks")).visit(post.hook.id)
    assert post.delivery.attempts[0].error == "secret-unreadable"
    assert post.receiver.calls == []


def test_what_is_sealed_anew_needs_the_earlier_key_no_more(post: Post) -> None:
    """And what no key opens stays as it is, and is named."""
    post.webhooks.rotate(post.line.actor, post.hook.id)
    other, _ = post.webhooks.create(post.line.actor, URL, NAMES)
    new = Sealer(["n" * 32], "webhooks")
    assert reseal(post.line.records, new).renewed == 0
    assert set(reseal(post.line.records, new).unreadable) == {post.hook.id, other.id}
    report = reseal(post.line.records, Sealer(["n" * 32, "k" * 32], "webhooks"))
    assert (report.renewed, list(report.unreadable)) == (3, [])
    assert new.open(post.shown().secrets[1].sealed) == post.secret
    assert post.shown().secrets[1].until is not None
    assert (reseal(post.line.records, new).renewed, post.shown().url) == (3, URL)


def test_an_old_secret_signs_for_a_day(post: Post) -> None:
    for _ in range(5):
        post.webhooks.rotate(post.line.actor, post.hook.id)
    assert len(post.shown().secrets) == 4
    post.line.later(hours=25)
    post.told()
    post.visit()
    ((headers, _),) = post.receiver.calls
    assert headers["webhook-signature"].count("v1,") == 1


def test_old_deliveries_are_cleared_away(post: Post) -> None:
    post.told()
    post.line.later(days=31)
    post.line.tidier.tidy()
    assert post.deliveries() == []
