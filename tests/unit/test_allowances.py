"""What one download of a link may still be sent: taken, given back, waited for."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.support import recordings
from tests.support.line import Line
from tests.support.sharing import Desk, begun, whole
from uploads.documents.allowances import Allowance
from uploads.documents.errors import DownloadLimit, StorageUnavailable
from uploads.documents.links import Disposition

LONG = b"a plain text, long enough to be one\n" * 20_000


@pytest.fixture
def desk(line: Line) -> Desk:
    return Desk(line)


def test_what_was_not_sent_is_given_back_whatever_the_end(desk: Desk) -> None:
    """A client that leaves after the first piece has all but that piece left, again and again."""
    download = begun(desk, desk.clean(LONG), max_downloads=1)
    sent = 0
    for _ in range(3):
        with desk.fetching.open(download, 0, download.size) as pieces:
            sent += len(next(pieces))
        assert desk.left(download) == 2 * len(LONG) - 1 - sent
    assert whole(desk, download) == LONG
    with pytest.raises(DownloadLimit), desk.fetching.open(download, 0, download.size):
        pass


def test_a_store_that_is_away_costs_nothing(desk: Desk) -> None:
    download = begun(desk, desk.clean(LONG), max_downloads=1)
    desk.line.storage.broken = True
    with pytest.raises(StorageUnavailable):
        whole(desk, download)
    desk.line.storage.broken = False
    assert desk.left(download) == 2 * len(LONG) - 1
    assert whole(desk, download) == LONG


def test_a_player_that_jumps_waits_for_what_its_last_request_gives_back(desk: Desk) -> None:
    """Two are under way when it asks for a third: the first has been broken off just now."""
    content = recordings.sound(seconds=1)
    download = begun(
        desk,
        desk.clean(content, "a.wav", "audio/wav"),
        disposition=Disposition.INLINE,
        max_downloads=1,
    )
    half = download.size // 2
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(desk.fetching.open(download, 0, download.size))
        second.enter_context(desk.fetching.open(download, half, download.size - half))
        desk.on_pause = first.close
        with desk.fetching.open(download, 1, download.size - 1) as pieces:
            assert b"".join(pieces) == content[1:]
    assert desk.pauses == [0.05]


def test_who_keeps_a_file_or_has_had_all_of_it_is_not_waited_for_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And costs one write of the database, however long."""
    tried: list[int] = []
    take = Allowance.take

    def counted(allowance: Allowance, amount: int) -> bool:
        tried.append(amount)
        return take(allowance, amount)

    monkeypatch.setattr(Allowance, "take", counted)
    kept = begun(desk, desk.clean(LONG), max_downloads=1)
    played = begun(
        desk,
        desk.clean(LONG, "a.wav", "audio/wav"),
        disposition=Disposition.INLINE,
        max_downloads=1,
    )
    for download, waited in ((kept, 0), (played, 1.55)):
        desk.fetching.check_whole(download)
        whole(desk, download)
        with pytest.raises(DownloadLimit):
            desk.fetching.check_whole(download)
        with pytest.raises(DownloadLimit), desk.fetching.open(download, 0, download.size):
            pass
        assert sum(desk.pauses) == pytest.approx(waited)
        assert len(tried) == 2
        tried.clear()


def test_without_a_limit_a_ticket_has_no_allowance(desk: Desk) -> None:
    download = begun(desk, desk.clean(LONG))
    for _ in range(3):
        desk.fetching.check_whole(download)
        assert whole(desk, download) == LONG
