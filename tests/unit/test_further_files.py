"""Further files of one request: each is an upload to every window, in the place of the first."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask import Request, Response
from redis import Redis, RedisError
from werkzeug.routing import Rule

from uploads.config import Settings
from uploads.documents.errors import Invalid, RateLimited
from uploads.documents.model import Actor, Role, Scope
from uploads.inbound import Inbound
from uploads.security.shared_counts import SharedCounts
from uploads.security.turnstile import Turnstile
from uploads.security.upload_limits import Entrance, leave
from uploads.security.windows import Answer, Counts, Entry, LocalCounts

MOST, BYTES = 4, 1000


class Away(LocalCounts):
    """Counters that answered once, and do not any more."""

    asked = 0

    def enter(self, entry: Entry) -> Answer:
        self.asked += 1
        if self.asked > 1:
            raise RedisError("staged")
        return super().enter(entry)


@pytest.fixture(params=["redis", "process"])
def turnstile(request: pytest.FixtureRequest) -> Turnstile:
    if request.param == "process":
        away = Away()
        away.asked = 1
        return Turnstile(away, LocalCounts(), shares=1)
    url: str = request.getfixturevalue("redis_url")
    with Redis.from_url(url) as redis:
        redis.flushall()
    return Turnstile(cast(Counts, SharedCounts(url)), LocalCounts(), shares=1)


def entrance(tmp_path: Path, turnstile: Turnstile, **more: Any) -> Entrance:
    settings = Settings(
        data=tmp_path,
        rate_upload=f"{MOST}/hour",
        bytes_per_hour=BYTES,
        uploads_at_once=1,
        **more,
    )
    return Entrance(settings, turnstile)


def asked() -> Request:
    return Request({"REMOTE_ADDR": "192.0.2.1", "wsgi.input": Inbound(io.BytesIO(b""), 0)})


def actor(name: str = "ann") -> Actor:
    return Actor(name, f"{name}@example.org", Role.USER, frozenset(Scope))


def test_each_file_is_an_upload_and_one_too_many_is_refused(
    tmp_path: Path, turnstile: Turnstile
) -> None:
    """Whatever counts. They need no place of their own; what was refused has spent nothing."""
    door, kept = entrance(tmp_path, turnstile), SimpleNamespace()
    door.enter(asked(), kept, actor())
    for left in range(MOST - 2, -1, -1):
        door.enter_another(asked(), kept, actor())
        assert kept.ticket.answer.left[0][0] == left
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            door.enter_another(asked(), kept, actor())
        assert 0 < (caught.value.seconds or 0) <= 3600 * 1.2
        assert caught.value.public.startswith("That was too much in a short time. Wait ")
    response = Response()
    leave(asked(), kept.ticket, response)
    assert response.headers["RateLimit"].startswith('"upload-user";r=0;t=')
    response.close()
    with pytest.raises(RateLimited):
        door.enter(asked(), SimpleNamespace(), actor())
    door.enter(asked(), SimpleNamespace(), actor("eve"))


def test_the_place_is_held_by_the_request_until_its_end(
    tmp_path: Path, turnstile: Turnstile
) -> None:
    door, kept = entrance(tmp_path, turnstile), SimpleNamespace()
    door.enter(asked(), kept, actor())
    door.enter_another(asked(), kept, actor())
    with pytest.raises(RateLimited, match="at once"):
        door.enter(asked(), SimpleNamespace(), actor())
    kept.ticket.leave()
    door.enter(asked(), SimpleNamespace(), actor())


def test_no_further_file_begins_when_the_bytes_are_spent(tmp_path: Path) -> None:
    counts = LocalCounts()
    door, kept = entrance(tmp_path, Turnstile(counts, counts, shares=1)), SimpleNamespace()
    door.enter(asked(), kept, actor())
    counts.advance(kept.ticket.entry, BYTES)
    with pytest.raises(RateLimited, match="too much data"):
        door.enter_another(asked(), kept, actor())


def test_where_redis_goes_away_in_between_the_process_counts_its_share(tmp_path: Path) -> None:
    door = entrance(tmp_path, Turnstile(Away(), LocalCounts(), shares=2))
    kept = SimpleNamespace()
    door.enter(asked(), kept, actor())
    for _ in range(MOST // 2):
        door.enter_another(asked(), kept, actor())
    with pytest.raises(RateLimited):
        door.enter_another(asked(), kept, actor())
    kept.ticket.leave()


def test_many_at_once_are_let_in_all_or_none(tmp_path: Path, turnstile: Turnstile) -> None:
    """And so many as never can be are told so, in place of when to come again."""
    door, kept = entrance(tmp_path, turnstile), SimpleNamespace()
    door.enter(asked(), kept, actor())
    with pytest.raises(Invalid) as caught:
        door.enter_another(asked(), kept, actor(), MOST)
    assert caught.value.members["errors"][0]["pointer"] == "/uploads"
    door.enter_another(asked(), kept, actor(), MOST - 2)
    assert kept.ticket.answer.left[0][0] == 1
    with pytest.raises(RateLimited):
        door.enter_another(asked(), kept, actor(), 2)
    door.enter_another(asked(), kept, actor())
    assert kept.ticket.answer.left[0][0] == 0


def test_many_at_once_end_in_debt_by_the_last_of_them_at_most(
    tmp_path: Path, turnstile: Turnstile
) -> None:
    """Each needs what is left behind those before it. So much as never is left is told so."""
    door, before, kept = entrance(tmp_path, turnstile), SimpleNamespace(), SimpleNamespace()
    door.enter(asked(), before, actor())
    before.ticket.charge(BYTES // 2)
    door.enter(asked(), kept, actor())
    with pytest.raises(RateLimited, match="too much data") as caught:
        door.enter_another(asked(), kept, actor(), 2, BYTES // 2 + 1)
    assert 0 < (caught.value.seconds or 0) <= 3600 * 1.2
    with pytest.raises(Invalid) as never:
        door.enter_another(asked(), kept, actor(), 2, BYTES + 1)
    told = never.value.members["errors"][0]
    assert (told["pointer"], f"{BYTES} bytes" in told["detail"]) == ("/uploads", True)
    door.enter_another(asked(), kept, actor(), 2, BYTES // 2)
    assert [left for left, _ in kept.ticket.answer.left[:3:2]] == [0, BYTES // 2]


def test_where_a_process_counts_alone_more_than_its_share_is_never_let_in(tmp_path: Path) -> None:
    """And who waited for it would wait until Redis is back."""
    away = Away()
    away.asked = 1
    door = entrance(tmp_path, Turnstile(away, LocalCounts(), shares=2))
    kept = SimpleNamespace()
    door.enter(asked(), kept, actor())
    with pytest.raises(Invalid) as caught:
        door.enter_another(asked(), kept, actor(), MOST // 2)
    assert f"at most {MOST // 2} here" in caught.value.members["errors"][0]["detail"]
    door.enter_another(asked(), kept, actor(), MOST // 2 - 1)
    kept.ticket.leave()


def test_a_grant_is_charged_its_size_before_it_is_given(
    tmp_path: Path, turnstile: Turnstile
) -> None:
    """It is one upload, holds no place, and tells what is left behind it."""
    door, held = entrance(tmp_path, turnstile), SimpleNamespace()
    door.enter(asked(), held, actor())
    grant, kept = asked(), SimpleNamespace()
    grant.url_rule = Rule("/uploads", endpoint="api.create_upload")
    door.enter(grant, kept, actor())
    kept.ticket.charge(BYTES)
    response = Response()
    leave(grant, kept.ticket, response)
    uploads, data = response.headers["RateLimit"].split(", ")[::2]
    assert uploads.startswith(f'"upload-user";r={MOST - 2};t=')
    assert data.startswith('"bytes-user";r=0;t=')
    assert not data.endswith("t=0")
    with pytest.raises(RateLimited, match="too much data") as caught:
        door.enter(grant, SimpleNamespace(), actor())
    assert 0 < (caught.value.seconds or 0) <= 3600 * 1.2
