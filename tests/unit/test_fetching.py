"""What a link hands out, over a store in memory: counted, given back, never the wrong bytes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from io import BytesIO

import pytest
from sqlalchemy import select

from tests.support.line import Line
from tests.support.sharing import Desk, begun, whole
from uploads.documents.errors import (
    DownloadLimit,
    Gone,
    LinkEnded,
    NotClean,
    NotFound,
    PasswordRequired,
    StorageUnavailable,
)
from uploads.documents.fetching import Download
from uploads.documents.links import Disposition
from uploads.documents.model import State
from uploads.records.link_tables import link_documents, link_uses, links

LONG = b"a plain text, long enough to be one\n" * 20_000


@pytest.fixture
def desk(line: Line) -> Desk:
    return Desk(line)


def take(desk: Desk, download: Download, into: bytearray) -> None:
    """What arrives, up to where it breaks off."""
    with desk.fetching.open(download, 0, download.size) as pieces:
        take_rest(pieces, into)


def take_rest(pieces: Iterator[bytes], into: bytearray) -> None:
    for piece in pieces:
        into += piece


def test_a_piece_is_small_enough_for_a_slow_client(desk: Desk) -> None:
    download = begun(desk, desk.clean(LONG))
    with desk.fetching.open(download, 0, download.size) as pieces:
        got = list(pieces)
    assert b"".join(got) == LONG
    assert max(len(piece) for piece in got) <= 64 * 1024


@pytest.mark.parametrize("state", [State.INFECTED, State.QUARANTINED])
def test_a_document_that_is_no_longer_clean_is_not_sent(desk: Desk, state: State) -> None:
    """Not by the link, not by a ticket that it gave before."""
    document_id = desk.clean(LONG)
    link = desk.share(document_id)
    ticket = desk.fetching.use(desk.fetching.look(desk.token(link), None))
    desk.move(document_id, state)
    for ask in (
        lambda: desk.fetching.look(desk.token(link), None),
        lambda: desk.fetching.resume(ticket),
    ):
        with pytest.raises(NotClean) as caught:
            ask()
        assert caught.value.members == {"state": state.value}


def test_a_document_whose_end_has_come_is_gone_before_it_is_cleared_away(desk: Desk) -> None:
    """At the moment itself, by link, by ticket, in an archive and for new links."""
    short, long = desk.clean(LONG), desk.clean(LONG)
    link, both = desk.share(short), desk.share(short, long)
    ticket = desk.fetching.use(desk.fetching.look(desk.token(link), None))
    archive = begun(desk, long, short)
    end = {"expires_at": desk.line.now + timedelta(hours=1)}
    assert desk.line.records.write(lambda work: work.documents.change(short, State.CLEAN, end))
    desk.line.later(minutes=59)
    assert desk.fetching.resume(ticket).name
    desk.line.later(minutes=1)
    for ask in (
        lambda: desk.fetching.look(desk.token(link), None),
        lambda: desk.fetching.look(desk.token(both), None),
        lambda: desk.fetching.resume(ticket),
        lambda: whole(desk, archive),
        lambda: desk.share(short),
    ):
        with pytest.raises(Gone):
            ask()
    desk.line.expirer.expire_due()
    for ended in (link, both):
        with pytest.raises(LinkEnded):
            desk.sharing.get(desk.ann, ended.id)


def test_other_bytes_than_the_inspected_never_arrive_whole(desk: Desk) -> None:
    """The last piece is held back until the digest is right; alone and in an archive."""
    document_id, other = desk.clean(LONG), desk.clean(b"another plain text, long enough\n" * 9)
    alone, among = begun(desk, document_id), begun(desk, other, document_id)
    desk.spoil(document_id)
    for download in (alone, among):
        got = bytearray()
        with pytest.raises(StorageUnavailable):
            take(desk, download, got)
        assert len(got) < download.size - 1


def test_an_archive_breaks_off_at_what_is_no_longer_clean(desk: Desk) -> None:
    """State is looked up when a document's turn has come, and nothing looks complete."""
    first, second = desk.clean(LONG), desk.clean(b"another plain text, long enough\n" * 9)
    download = begun(desk, first, second)
    got = bytearray()
    with ExitStack() as ends:
        pieces: Iterator[bytes] = ends.enter_context(desk.fetching.open(download, 0, download.size))
        got += next(pieces)
        while len(got) < len(LONG):
            got += next(pieces)
        desk.move(second, State.INFECTED)
        with pytest.raises(NotClean):
            take_rest(pieces, got)
    assert len(got) < download.size
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(BytesIO(bytes(got)))


def test_what_ended_while_it_is_sent_is_finished(desk: Desk) -> None:
    """Revoking stops what begins; a document alone is sent to its end."""
    download = begun(desk, desk.clean(LONG))
    with desk.fetching.open(download, 0, download.size) as pieces:
        got = bytearray(next(pieces))
        desk.sharing.revoke(desk.ann, download.link.id)
        for piece in pieces:
            got += piece
    assert bytes(got) == LONG


def test_a_link_that_expires_takes_its_tickets_along(desk: Desk) -> None:
    link = desk.share(desk.clean(LONG), expires_in=60)
    ticket = desk.fetching.use(desk.fetching.look(desk.token(link), None))
    desk.line.now += timedelta(seconds=59)
    assert desk.fetching.resume(ticket).size == len(LONG)
    desk.line.now += timedelta(seconds=1)
    with pytest.raises(LinkEnded):
        desk.fetching.resume(ticket)
    with pytest.raises(LinkEnded):
        desk.fetching.look(desk.token(link), None)


def test_what_ends_between_the_look_and_the_use_is_not_counted(desk: Desk) -> None:
    link = desk.share(desk.clean(LONG), max_downloads=1)
    seen = [desk.fetching.look(desk.token(link), None) for _ in range(2)]
    desk.fetching.use(seen[0])
    with pytest.raises(DownloadLimit):
        desk.fetching.use(seen[1])
    other = desk.share(desk.clean(LONG))
    looked = desk.fetching.look(desk.token(other), None)
    desk.sharing.revoke(desk.ann, other.id)
    with pytest.raises(LinkEnded):
        desk.fetching.use(looked)


def test_a_document_without_a_row_ends_the_link(desk: Desk) -> None:
    """Also where nobody has ended it: what is behind it is not all there."""
    document_id, other = desk.clean(LONG), desk.clean(LONG)
    link = desk.share(other, document_id)
    desk.line.records.write(lambda work: work.documents.remove(document_id))
    with pytest.raises(LinkEnded):
        desk.fetching.look(desk.token(link), None)


def test_only_what_is_clean_and_safe_is_shown(desk: Desk) -> None:
    """What had to be released is kept, never shown, whatever the link says."""
    document_id = desk.clean(LONG)
    link = desk.share(document_id, disposition=Disposition.INLINE)
    locked = desk.share(document_id, disposition=Disposition.INLINE, password="s3cret-y")

    def disposition() -> Disposition:
        return desk.fetching.look(desk.token(link), None).disposition

    def told() -> tuple[bool, bool]:
        with pytest.raises(PasswordRequired) as asked:
            desk.fetching.look(desk.token(locked), None)
        return asked.value.released, asked.value.shown

    assert (disposition(), told()) == (Disposition.INLINE, (False, True))
    desk.move(document_id, State.INFECTED)
    desk.move(document_id, State.RELEASED)
    assert (disposition(), told()) == (Disposition.ATTACHMENT, (True, False))


def test_every_use_and_refusal_is_in_the_trail(desk: Desk) -> None:
    """To be asked for the password is none; whose address was made up leaves nothing."""
    link = desk.share(desk.clean(LONG), max_downloads=1, password="s3cret-y")
    token = desk.token(link)
    for password in (None, "wrong"):
        with pytest.raises(PasswordRequired):
            desk.fetching.look(token, password)
    desk.fetching.use(desk.fetching.look(token, "s3cret-y"))
    with pytest.raises(DownloadLimit):
        desk.fetching.look(token, "s3cret-y")
    desk.sharing.revoke(desk.ann, link.id)
    desk.sharing.revoke(desk.ann, link.id)
    with pytest.raises(LinkEnded):
        desk.fetching.look(token, "s3cret-y")
    with pytest.raises(NotFound):
        desk.fetching.look(token + "x", None)
    assert desk.trail(link) == [
        (desk.ann.user_id, "link.created"),
        ("nobody", "link.refused password-required"),
        ("nobody", "link.used"),
        ("nobody", "link.refused download-limit"),
        (desk.ann.user_id, "link.revoked"),
        ("nobody", "link.refused gone"),
    ]


def test_a_document_of_another_state_cannot_be_shared(desk: Desk) -> None:
    document_id = desk.clean(LONG)
    desk.move(document_id, State.INFECTED)
    with pytest.raises(NotClean):
        desk.share(document_id)
    desk.move(document_id, State.EXPIRED)
    with pytest.raises(Gone):
        desk.share(document_id)


def test_a_ticket_that_is_too_old_is_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    link = desk.share(desk.clean(LONG))
    ticket = desk.fetching.use(desk.fetching.look(desk.token(link), None))
    real = desk.now()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: real + 3599)
    assert desk.fetching.resume(ticket)
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: real + 3602)
    with pytest.raises(NotFound):
        desk.fetching.resume(ticket)


def test_nothing_is_left_of_what_ended_long_ago(desk: Desk) -> None:
    """Retention forgets the link and with it its uses; a living one stays."""
    kept = desk.share(desk.clean(LONG))
    begun(desk, desk.clean(LONG), max_downloads=1)
    gone = desk.clean(LONG)
    desk.share(gone)
    desk.line.library.delete(desk.ann, gone)
    expiring = desk.share(desk.clean(LONG), expires_in=60)
    desk.line.now += timedelta(days=31)
    desk.line.tidier.tidy()
    with desk.connection() as connection:
        ids = set(connection.scalars(select(links.c.id)))
        assert set(connection.scalars(select(link_documents.c.link_id))) == ids
        assert set(connection.scalars(select(link_uses.c.link_id))) <= ids
    assert kept.id in ids
    assert expiring.id not in ids
    assert len(ids) == 2
