"""A user's own documents, and the way out: who gets what, and when nothing."""

from __future__ import annotations

import base64
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import pytest

from tests.support import facts
from tests.support.line import TEXT, Line
from tests.support.waiting import eventually
from uploads.documents.access import Access
from uploads.documents.changing import Changing
from uploads.documents.errors import Gone, Invalid, NotClean, NotFound, OtherBytes, Unauthenticated
from uploads.documents.library import Library
from uploads.documents.model import Document, Outcome, Rendition, State
from uploads.documents.places import Places
from uploads.documents.policy import Policy
from uploads.records.protocol import DocumentFilter, Work
from uploads.security.tokens import SignedTokens
from uploads.storage.protocol import Bucket


def cursor_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


HOSTILE = [
    cursor_of("[" * 5000),
    cursor_of('["0001-01-01T00:00:00+23:59","x"]'),
    cursor_of('["9999-12-31T23:59:59-23:59","x"]'),
]


@pytest.fixture
def access(line: Line) -> Access:
    return Access(
        clock=lambda: line.now,
        library=line.library,
        records=line.records,
        storage=line.storage,
        tokens=SignedTokens("s" * 32),
        content_url="http://content.test",
        link_seconds=60,
    )


def settled(line: Line, outcome: Outcome = Outcome.CLEAN) -> Document:
    line.engine.outcome = outcome
    document = line.accept(TEXT)
    line.runner.run(line.job_of(document))
    return document


def test_the_pages_of_a_list_hold_everything_once_and_newest_first(line: Line) -> None:
    made = []
    for _ in range(7):
        made.append(line.accept(TEXT).id)
        line.later(seconds=1)
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = line.library.list(line.actor, DocumentFilter(), 3, cursor)
        seen += [document.id for document in page]
        if cursor is None:
            break
    assert seen == made[::-1]


@pytest.mark.parametrize("cursor", ["x", "!!!!", "e30", "WzEsMl0", "é", *HOSTILE])
def test_a_made_up_cursor_is_refused(line: Line, cursor: str) -> None:
    with pytest.raises(Invalid):
        line.library.list(line.actor, DocumentFilter(), 3, cursor)


def test_somebody_elses_document_does_not_exist(line: Line, access: Access) -> None:
    document = settled(line)
    for verb in (
        lambda: line.library.get(line.stranger, document.id),
        lambda: line.library.wait(line.stranger, document.id, 0),
        lambda: line.library.delete(line.stranger, document.id),
        lambda: access.download_url(line.stranger, document.id),
        lambda: access.rendition_url(line.stranger, document.id, "thumbnail-200"),
    ):
        with pytest.raises(NotFound):
            verb()
    assert line.state(document) is State.CLEAN


def test_who_may_no_longer_read_is_told_nothing_after_a_wait(line: Line) -> None:
    document = line.accept(TEXT)
    good = True
    library = Library(
        records=line.records, hints=line.hints, clock=line.clock, holds=lambda _: good
    )
    assert library.wait(line.actor, document.id, 0.01).id == document.id
    good = False
    with pytest.raises(Unauthenticated):
        library.wait(line.actor, document.id, 0.01)


def test_only_so_many_wait_at_once(line: Line) -> None:
    """Whoever comes when all of his places are taken is answered at once; one that is left is free.

    What one user takes is not what others wait in.
    """
    waits = Places(10, 1)
    library = Library(records=line.records, hints=line.hints, clock=line.clock, waits=waits)
    first, second = line.accept(TEXT), line.accept(TEXT)

    def waited() -> float:
        began = time.monotonic()
        assert library.wait(line.actor, second.id, 0.3).id == second.id
        return time.monotonic() - began

    def hold() -> Document:
        while not (found := library.wait(line.actor, first.id, 20)).settled:
            continue
        return found

    assert waited() >= 0.3
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(hold)
        eventually(lambda: waited() < 0.2, 60)
        assert waits.take(line.stranger.user_id)
        assert not waits.take(line.actor.user_id)
        line.later(seconds=1)
        library.delete(line.actor, first.id)
        assert waiting.result(60).state is State.DELETED
    assert waited() >= 0.3


def test_who_waits_hears_of_another_name(line: Line) -> None:
    """The next change is what one waits for, whoever makes it."""
    document = line.accept(TEXT)
    changing = Changing(
        records=line.records, policy=Policy(max_bytes=100_000), clock=line.clock, max_name_bytes=255
    )
    numbers = count()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(line.library.wait, line.actor, document.id, 20)

        def heard() -> bool:
            changing.change(line.actor, document.id, {"name": f"{next(numbers)}.txt"})
            return waiting.done()

        eventually(heard, 10)
        assert waiting.result().name != document.name


def test_who_waits_for_an_upload_that_was_given_up_hears_it_at_once(line: Line) -> None:
    """Its row goes, and nothing is told of it but that."""
    dying = facts.document("doc_x", owner_id=line.actor.user_id, state=State.RECEIVING)
    line.records.write(lambda work: work.documents.add(dying))
    line.accept(TEXT)

    def give_up(work: Work) -> None:
        assert work.documents.move(dying.id, {State.RECEIVING}, State.EXPIRED, line.now)
        work.documents.remove(dying.id)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(line.library.wait, line.actor, dying.id, 30)
        eventually(lambda: line.library._feed._waiters, 20)
        line.records.write(give_up)
        with pytest.raises(NotFound):
            waiting.result(10)
    events = line.records.read(lambda work: work.events.after(line.actor.user_id, 0, 9))
    assert dying.id not in {one.document_id for one in events}


def test_only_clean_bytes_have_an_address(line: Line, access: Access) -> None:
    assert access.download_url(line.actor, settled(line).id)
    for outcome in (Outcome.INFECTED, Outcome.UNSCANNABLE):
        with pytest.raises(NotClean):
            access.download_url(line.actor, settled(line, outcome).id)
    with pytest.raises(NotClean):
        access.download_url(line.actor, line.accept(TEXT).id)


def test_what_has_come_to_its_end_has_no_address_any_more(line: Line, access: Access) -> None:
    """From the moment on, whenever the sweeper comes."""
    document = settled(line)
    picture = Rendition("thumbnail-200", "image/webp", 2, 2, 4, "p/1")
    end = {"expires_at": line.now + timedelta(hours=1)}
    line.records.write(lambda work: work.documents.add_rendition(document.id, picture))
    line.records.write(lambda work: work.documents.change(document.id, State.CLEAN, end))
    assert access.download_url(line.actor, document.id)
    line.later(hours=1)
    with pytest.raises(Gone):
        access.download_url(line.actor, document.id)
    with pytest.raises(Gone):
        access.rendition_url(line.actor, document.id, picture.name)
    token = SignedTokens("s" * 32).issue(document.id, picture.name)
    with pytest.raises(Gone), access.open_rendition(token):
        pass


@pytest.mark.parametrize("state", [State.QUARANTINED, State.INFECTED])
def test_a_withdrawn_document_is_not_served_although_its_bytes_are_there(
    line: Line, access: Access, state: State
) -> None:
    document = settled(line)
    picture = Rendition("thumbnail-200", "image/webp", 2, 2, 4, "p/1")
    line.storage.put(Bucket.CLEAN, picture.key, [b"webp"], picture.size)
    line.records.write(lambda work: work.documents.add_rendition(document.id, picture))
    token = SignedTokens("s" * 32).issue(document.id, picture.name)
    with access.open_rendition(token) as (_, pieces):
        assert b"".join(pieces) == b"webp"
    line.records.write(
        lambda work: work.documents.move(document.id, {State.CLEAN}, state, line.now)
    )
    with pytest.raises(NotClean):
        access.download_url(line.actor, document.id)
    with pytest.raises(NotClean):
        access.rendition_url(line.actor, document.id, picture.name)
    with pytest.raises(NotClean), access.open_rendition(token):
        pass


def test_other_bytes_than_were_inspected_are_never_sent_to_their_end(
    line: Line, access: Access
) -> None:
    """What comes from the content host passes through us: the last piece shows whether it may."""
    active = {"type": "image/svg+xml", "state": State.CLEAN, "clean_key": "k/1", "size": len(TEXT)}
    digest = hashlib.sha256(TEXT).hexdigest()
    owner = {"owner_id": line.actor.user_id, "sha256": digest, "created_at": line.now}
    document = facts.document("doc_svg", **owner, **active)
    line.records.write(lambda work: work.documents.add(document))
    token = access.download_url(line.actor, document.id).rpartition("/")[2]
    line.storage.put(Bucket.CLEAN, "k/1", [TEXT], len(TEXT))
    with access.open_download(token) as (_, pieces):
        assert b"".join(pieces) == TEXT
    line.storage.put(Bucket.CLEAN, "k/1", [TEXT.upper()], len(TEXT))
    sent: list[bytes] = []
    with access.open_download(token) as (_, pieces), pytest.raises(OtherBytes):
        sent.extend(pieces)
    assert sent == []


def test_a_deleted_document_is_a_tombstone_without_name_digest_or_bytes(
    line: Line, access: Access
) -> None:
    document = settled(line)
    line.library.delete(line.actor, document.id)
    line.library.delete(line.actor, document.id)
    found = line.library.get(line.actor, document.id)
    assert (found.state, found.name, found.sha256) == (State.DELETED, "", None)
    with pytest.raises(Gone):
        access.download_url(line.actor, document.id)
    line.reaper.reap_due()
    assert line.stored() == []
    line.later(days=31)
    line.tidier.tidy()
    with pytest.raises(NotFound):
        line.library.get(line.actor, document.id)


def test_deleted_documents_are_listed_only_when_asked_for(line: Line) -> None:
    document = settled(line)
    line.library.delete(line.actor, document.id)
    page, _ = line.library.list(line.actor, DocumentFilter(), 10)
    assert page == []
    page, _ = line.library.list(line.actor, DocumentFilter({State.DELETED}), 10)
    assert [one.id for one in page] == [document.id]


def test_a_content_token_is_good_for_one_rendition_and_not_forever() -> None:
    tokens = SignedTokens("s" * 32)
    token = tokens.issue("doc_1", "thumbnail-200")
    assert tokens.read(token) == ("doc_1", "thumbnail-200")
    for other in (SignedTokens("t" * 32), SignedTokens("s" * 32, seconds=-1)):
        with pytest.raises(NotFound):
            other.read(token)
    with pytest.raises(NotFound):
        tokens.read(token[:-2] + "xx")
