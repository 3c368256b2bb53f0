"""The decision about uploads, by one set of claims for the counters in Redis and in a process."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis, RedisError

from tests.support.waiting import eventually
from uploads.security.shared_counts import SharedCounts
from uploads.security.turnstile import Turnstile
from uploads.security.windows import Answer, Counts, Entry, Limits, LocalCounts, Places, Window

_tokens = (str(number) for number in itertools.count())


@pytest.fixture(params=["redis", "process"])
def counts(request: pytest.FixtureRequest) -> Counts:
    if request.param == "process":
        return LocalCounts()
    url: str = request.getfixturevalue("redis_url")
    with Redis.from_url(url) as redis:
        redis.flushall()
    return SharedCounts(url)


def requests(most: int, seconds: int = 3600, key: str = "ann") -> Window:
    return Window("requests", key, most, seconds)


def size(most: int, key: str = "ann") -> Window:
    return Window("bytes", key, most, 3600, cost=0)


def entry(*windows: Window, places: tuple[Places, ...] = ()) -> Entry:
    return Entry(next(_tokens), Limits(windows, places))


def let_in(answer: Answer) -> bool:
    return answer.refused is None


def test_so_many_requests_and_not_one_more(counts: Counts) -> None:
    answers = [counts.enter(entry(requests(3))) for _ in range(4)]
    assert [one.refused for one in answers] == [None, None, None, "requests"]
    assert [one.left[0][0] for one in answers] == [2, 1, 0, 0]
    assert 0 < answers[-1].wait_ms <= 3600 * 1000 * 1.2
    assert let_in(counts.enter(entry(requests(3, key="eve"))))


def test_what_is_refused_by_one_limit_is_counted_by_none(counts: Counts) -> None:
    """The key's limit bites; the user's is not spent by what was not let in."""
    for _ in range(5):
        counts.enter(entry(requests(9), requests(1, key="key")))
    assert counts.enter(entry(requests(9))).left[0][0] == 7


def test_bytes_are_charged_when_they_were_read(counts: Counts) -> None:
    """An upload is let in while anything is left, and may end in debt; the next one waits."""
    first = entry(size(100))
    assert let_in(counts.enter(first))
    counts.advance(first, 60)
    second = entry(size(100))
    assert let_in(counts.enter(second))
    counts.leave(second, 50)
    refused = counts.enter(entry(size(100)))
    assert refused.refused == "bytes"
    assert refused.wait_ms > 0
    counts.leave(first, 0)
    assert let_in(counts.enter(entry(size(111))))


def test_a_place_is_free_again_when_its_upload_has_ended(counts: Counts) -> None:
    places = (Places("at-once", "ann", 2),)
    first, second, third = (entry(requests(99), places=places) for _ in range(3))
    assert let_in(counts.enter(first))
    assert let_in(counts.enter(second))
    assert counts.enter(third).refused == "at-once"
    counts.leave(first, 5)
    answer = counts.enter(third)
    assert let_in(answer)
    assert answer.left[0][0] == 99 - 3


def test_of_many_at_once_no_more_than_allowed_are_let_in(counts: Counts) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: counts.enter(entry(requests(7))), range(60)))
    assert sum(let_in(one) for one in answers) == 7


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_no_stretch_of_a_windows_length_holds_more_than_the_limit() -> None:
    """Also across the edge: all at the end of one window buys nothing at the start of the next."""
    clock = Clock()
    counts = LocalCounts(clock)
    taken: list[float] = []
    for _ in range(4000):
        if let_in(counts.enter(entry(requests(10, seconds=60)))):
            taken.append(clock.now)
        clock.now += 0.1
    for at in taken:
        assert sum(at <= other < at + 60 for other in taken) <= 10
    assert len(taken) >= 50


def test_after_the_wait_that_was_told_the_next_one_is_let_in() -> None:
    clock = Clock()
    counts = LocalCounts(clock)
    for _ in range(3):
        counts.enter(entry(requests(3, seconds=60)))
    wait = counts.enter(entry(requests(3, seconds=60))).wait_ms
    clock.now += (wait - 2) / 1000
    assert not let_in(counts.enter(entry(requests(3, seconds=60))))
    clock.now += 0.003
    assert let_in(counts.enter(entry(requests(3, seconds=60))))


def test_the_place_of_a_process_that_died_is_free_after_its_time() -> None:
    clock = Clock()
    counts = LocalCounts(clock)
    places = (Places("at-once", "ann", 1),)
    assert let_in(counts.enter(entry(places=places)))
    clock.now += 179
    assert not let_in(counts.enter(entry(places=places)))
    clock.now += 2
    assert let_in(counts.enter(entry(places=places)))


def test_redis_frees_such_a_place_as_well(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own clock, so with a short life here; a place that is renewed is kept meanwhile."""
    monkeypatch.setattr("uploads.security.shared_counts.PLACE_SECONDS", 1)
    counts = SharedCounts(redis_url)
    places = (Places("short", "ann", 2),)
    alive, dead = entry(places=places), entry(places=places)
    assert let_in(counts.enter(alive))
    assert let_in(counts.enter(dead))
    assert not let_in(counts.enter(entry(places=places)))

    def is_free() -> bool:
        counts.advance(alive, 0)
        return let_in(counts.enter(entry(places=places)))

    eventually(is_free, 60)
    assert not let_in(counts.enter(entry(places=places)))


def test_who_has_gone_is_forgotten() -> None:
    """The counters of a process do not grow with everybody who was ever here."""
    clock = Clock()
    counts = LocalCounts(clock)
    for number in range(3000):
        counts.enter(entry(requests(1, seconds=60, key=str(number))))
        clock.now += 1
    assert len(counts._windows) < 1200


class Broken(LocalCounts):
    """Counters that do not answer."""

    asked = 0

    def enter(self, entry: Entry) -> Answer:
        self.asked += 1
        raise RedisError("staged")


def test_without_redis_each_process_lets_in_its_share() -> None:
    clock, shared = Clock(), Broken()
    turnstile = Turnstile(shared, LocalCounts(clock), shares=2, clock=clock)
    tickets = [turnstile.enter(entry(requests(9))) for _ in range(9)]
    assert sum(let_in(one.answer) for one in tickets) == 5
    assert shared.asked == 1
    clock.now += 6
    turnstile.enter(entry(requests(9)))
    assert shared.asked == 2


def test_a_ticket_charges_what_was_read_once_and_leaves_once() -> None:
    counts = LocalCounts()
    turnstile = Turnstile(counts, LocalCounts(), shares=1)
    places = (Places("at-once", "ann", 1),)
    ticket = turnstile.enter(entry(size(10**9), places=places))
    for _ in range(40):
        ticket.read(1024 * 1024)
    assert counts.enter(entry(size(10**9))).left[0][0] == 10**9 - 32 * 1024 * 1024
    ticket.leave()
    ticket.leave()
    last = counts.enter(entry(size(10**9), places=places))
    assert last.left[0][0] == 10**9 - 40 * 1024 * 1024


def test_a_redis_that_dies_under_an_upload_costs_it_nothing() -> None:
    class Dying(LocalCounts):
        def leave(self, entry: Entry, amount: int) -> None:
            raise RedisError("staged")

    ticket = Turnstile(Dying(), LocalCounts(), shares=1).enter(entry(size(5)))
    ticket.leave()
