"""What users can have made without end, and how it ends: bounds, and a disk that is nearly full."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.facts import document, verdict
from tests.support.line import Line
from tests.support.program import services_at
from tests.support.sharing import Desk
from uploads.documents import sharing
from uploads.documents.errors import Conflict, StorageFull
from uploads.documents.events import NAMES
from uploads.documents.model import Actor, Role, Scope, State
from uploads.documents.sharing import Wish
from uploads.wiring import build

TEXT = b"a plain text, long enough to be one\n"


@pytest.fixture
def desk(line: Line) -> Desk:
    return Desk(line)


def test_a_user_has_so_many_links_and_room_again_when_one_has_ended(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "MOST_LINKS", 2)
    document = desk.clean(TEXT)
    first = desk.share(document)
    desk.share(document, expires_in=60)
    with pytest.raises(Conflict, match="Revoke some"):
        desk.share(document)
    desk.sharing.revoke(desk.ann, first.id)
    desk.share(document)
    with pytest.raises(Conflict):
        desk.share(document)
    desk.line.now += timedelta(seconds=60)
    desk.share(document)


def test_all_links_of_a_user_name_so_many_documents(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "MOST_DOCUMENTS", 3)
    monkeypatch.setattr(sharing, "MOST_SHARED", 5)
    documents = [desk.clean(TEXT) for _ in range(3)]
    first = desk.share(*documents)
    with pytest.raises(Conflict, match="share fewer"):
        desk.share(*documents)
    desk.share(*documents[:2])
    with pytest.raises(Conflict):
        desk.share(documents[0])
    desk.sharing.revoke(desk.ann, first.id)
    desk.share(*documents)


def test_nothing_is_made_on_a_disk_that_is_nearly_full_and_all_can_be_ended(
    tmp_path: Path, redis_url: str
) -> None:
    """Rows are bytes as well, and a database without room serves nobody."""
    given = services_at(tmp_path, redis_url)
    user = given.accounts.create_user("ann@example.org", "correct horse battery")
    ann = Actor(user.id, user.email, Role.USER, frozenset(Scope), "session", "ses_1")
    shared = document(owner_id=user.id, state=State.CLEAN, verdict=verdict(), clean_key="c/1")
    given.records.write(lambda work: work.documents.add(shared))
    link = given.sharing.make(ann, Wish((shared.id,)))
    key, _ = given.accounts.create_own_key(ann, "k", {Scope.DOCUMENTS_READ}, None)
    hook, _ = given.webhooks.create(ann, "https://example.org/hook", NAMES)
    full = build(given.settings.model_copy(update={"disk_reserve_bytes": 2**62}))
    for makes in (
        lambda: full.sharing.make(ann, Wish((shared.id,))),
        lambda: full.accounts.create_own_key(ann, "k", {Scope.DOCUMENTS_READ}, None),
        lambda: full.webhooks.create(ann, "https://example.org/hook", NAMES),
        lambda: full.webhooks.test(ann, hook.id),
    ):
        with pytest.raises(StorageFull):
            makes()
    full.sharing.revoke(ann, link.id)
    full.accounts.revoke_key(key.id, owner_id=ann.user_id)
    full.webhooks.remove(ann, hook.id)
    full.library.delete(ann, shared.id)
