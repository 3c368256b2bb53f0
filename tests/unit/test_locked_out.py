"""What a user who is locked out still gives to others: nothing, until they may come in again."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.support.line import Line
from tests.support.sharing import Desk
from uploads.documents.errors import LinkEnded

TEXT = b"a plain text\n"


@pytest.fixture
def desk(line: Line) -> Desk:
    return Desk(line)


def test_a_link_and_its_tickets_rest_while_its_owner_is_locked_out(desk: Desk) -> None:
    link = desk.share(desk.clean(TEXT))
    ticket = desk.fetching.use(desk.fetching.look(desk.token(link), None))
    bar(desk, desk.line.now)
    with pytest.raises(LinkEnded):
        desk.fetching.look(desk.token(link), None)
    with pytest.raises(LinkEnded):
        desk.fetching.resume(ticket)
    bar(desk, None)
    assert desk.fetching.look(desk.token(link), None).size == len(TEXT)
    assert desk.fetching.resume(ticket).size == len(TEXT)


def bar(desk: Desk, at: datetime | None) -> None:
    desk.line.records.write(lambda work: work.accounts.set_disabled(desk.ann.user_id, at))
