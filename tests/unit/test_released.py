"""What was released is handed out and never shown: no picture of it, by no way, old or new."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from tests.support.drawing import leased_render, render_handler
from tests.support.line import Line
from tests.support.quarantine import Quarantine
from uploads.documents.access import Access
from uploads.documents.errors import Invalid, NotFound
from uploads.documents.links import Disposition
from uploads.documents.model import Document, JobState, Outcome, Rendition
from uploads.documents.sharing import Sharing, Wish
from uploads.security.passwords import Passwords
from uploads.security.tokens import LinkTokens, SignedTokens
from uploads.storage.protocol import Bucket
from uploads.web import rows

SECRET = "a secret of thirty-two characters"
PICTURE = Rendition("thumbnail-200", "image/webp", 1, 1, 1, "a/picture")


@pytest.fixture
def line(line: Line) -> Line:
    line.storage.put(Bucket.CLEAN, PICTURE.key, [b"x"], 1)
    return line


@pytest.fixture
def access(line: Line) -> Access:
    return Access(
        library=line.library,
        records=line.records,
        storage=line.storage,
        tokens=SignedTokens(SECRET),
        clock=line.clock,
        content_url="http://content.test",
        link_seconds=60,
    )


def drawn(line: Line, document: Document) -> Document:
    """The same with a picture of it, however that came to be."""
    line.records.write(lambda work: work.documents.add_rendition(document.id, PICTURE))
    return line.document(document.id)


def test_a_picture_of_it_is_not_shown(line: Line, access: Access) -> None:
    """Neither by the API, nor by a token that was given before, nor on a page; a clean one's is."""
    quarantine = Quarantine(line)
    clean = drawn(line, quarantine.refused(outcome=Outcome.CLEAN))
    released = drawn(line, quarantine.released(quarantine.refused()))
    token = SignedTokens(SECRET).issue
    assert access.rendition_url(line.actor, clean.id, PICTURE.name)
    with access.open_rendition(token(clean.id, PICTURE.name)) as (_, pieces):
        assert b"".join(pieces) == b"x"
    with pytest.raises(NotFound):
        access.rendition_url(line.actor, released.id, PICTURE.name)
    with pytest.raises(NotFound), access.open_rendition(token(released.id, PICTURE.name)):
        pass
    assert rows.picture(clean, PICTURE.name) is not None
    assert rows.picture(released, PICTURE.name) is None
    assert access.download_url(line.actor, released.id)


def test_none_is_drawn_of_it(line: Line) -> None:
    """By a job that was left over from when it was clean, say."""
    quarantine = Quarantine(line)
    handler = render_handler(line)
    clean = quarantine.refused(outcome=Outcome.CLEAN)
    for document, pictures in ((clean, 1), (quarantine.released(quarantine.refused()), 0)):
        job = leased_render(line, document)
        handler(job)
        assert len(line.document(document.id).renditions) == pictures
        assert line.job(job.id).state is JobState.DONE


def test_no_link_shows_it(line: Line) -> None:
    """Nor can one be made that would."""
    quarantine, tokens = Quarantine(line), LinkTokens(SECRET, 3600)
    sharing = Sharing(
        records=line.records,
        library=line.library,
        addresses=tokens,
        hasher=Passwords(PasswordHasher()),
        clock=line.clock,
        new_id=line.new_id,
        content_url="http://content.test",
    )
    clean = quarantine.refused(outcome=Outcome.CLEAN)
    released = quarantine.released(quarantine.refused())
    assert sharing.make(line.actor, Wish((clean.id,), Disposition.INLINE))
    with pytest.raises(Invalid):
        sharing.make(line.actor, Wish((released.id,), Disposition.INLINE))
    assert sharing.make(line.actor, Wish((released.id,)))
