"""Links through nginx: passwords, ranges and large bodies pass, and the log tells no address."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from tests.support import samples
from tests.support.links import clean, got, refusal, shared, stranger
from tests.support.nginx import Nginx
from tests.support.people import Person

# Nothing of this has to do with the database: once is enough.
pytestmark = pytest.mark.one_database

LARGE = b"".join(b"line %07d of a plain text\n" % number for number in range(300_000))


def test_a_link_works_through_nginx_and_leaves_no_trace(carol: Person, nginx: Nginx) -> None:
    """In a browser's way and in a program's; whole, in part, and several as one."""
    text, picture = clean(carol, "large.txt", LARGE), clean(carol, "a.png", samples.png())
    link = shared(carol, text, password="s3cret-y")
    assert link["url"].startswith(f"{nginx.content_url}/links/")
    assert refusal(got(carol, link["url"])) == (401, "password-required")
    with stranger(carol, auth=("", "s3cret-y")) as program:
        answer = program.get(link["url"])
        assert answer.content == LARGE
        ticket = answer.url
        part = program.get(ticket, headers={"Range": "bytes=-100"})
        assert (part.status_code, part.content) == (206, LARGE[-100:])
        same = program.get(ticket, headers={"If-None-Match": answer.headers["ETag"]})
        assert same.status_code == 304
    with stranger(carol, headers={"Accept": "text/html"}) as person:
        page = person.get(link["url"])
        assert f"form-action {nginx.content_url}" in page.headers["Content-Security-Policy"]
        style = person.get(f"{nginx.content_url}/links/form.css")
        assert style.status_code == 200
        assert person.post(link["url"], data={"password": "s3cret-y"}).content == LARGE
    both = got(carol, shared(carol, text, picture)["url"])
    assert both.headers["Content-Length"] == str(len(both.content))
    with zipfile.ZipFile(BytesIO(both.content)) as read:
        assert read.testzip() is None
    said = nginx.log()
    assert "/links/[redacted]" in said
    assert "/tickets/[redacted]" in said
    for secret in (link["url"].rpartition("/")[2], ticket.path.rpartition("/")[2]):
        assert secret not in said
        assert secret not in carol.stack.log.read_text()
