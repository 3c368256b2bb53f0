"""What a request says in its headers, its query and its JSON is read in one way or refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from uploads.api.documents import DocumentChange
from uploads.api.json_bodies import Body, read_body
from uploads.api.links import LinkRequest
from uploads.api.parsing import expected_digest, moment, raw_offer
from uploads.api.webhooks import WebhookChange
from uploads.app import _App
from uploads.documents.errors import Invalid, Malformed
from uploads.security import framing

ONE, OTHER = (f"sha-256=:{base64.b64encode(bytes([byte] * 32)).decode()}:" for byte in (1, 2))


def request(
    fields: Mapping[str, str] | None = None, *, body: bytes = b"", query: str = ""
) -> Request:
    environ = EnvironBuilder(
        method="POST", data=body, headers=[*(fields or {}).items()]
    ).get_environ()
    environ["QUERY_STRING"] = query
    return Request(environ)


@pytest.mark.parametrize("coding", ["gzip, chunked", "chunked, gzip", "identity", "xchunked"])
def test_a_transfer_coding_that_nobody_undoes_is_refused(coding: str) -> None:
    """gunicorn takes the codings that are registered, and hands the bytes on as they came."""
    with pytest.raises(Malformed):
        framing.check_coding(request({"Transfer-Encoding": coding}))


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "\tchunked "])
def test_chunks_are_taken(coding: str) -> None:
    framing.check_coding(request({"Transfer-Encoding": coding}))


@pytest.mark.parametrize("query", ["q=%ff", "name=%ed%a0%80.txt", "q=\xff", "a=%c3%28", "q=%c0%af"])
def test_a_query_that_is_not_utf_8_is_refused(query: str) -> None:
    """Whoever guesses finds other documents than those that were meant, or renames a file."""
    with pytest.raises(Malformed):
        framing.check_query(request(query=query))


@pytest.mark.parametrize("query", ["", "q=a", "q=%C3%A9", "q=%", "q=%zz", "q=\xc3\xa9", "q=%25ff"])
def test_any_other_query_is_read(query: str) -> None:
    framing.check_query(request(query=query))


@pytest.mark.parametrize(
    "disposition",
    [
        'attachment; filename="a.txt"; filename="b.txt"',
        "attachment; filename*=UTF-8''a.txt; FileName*=UTF-8''b.txt",
        'attachment; filename="a.txt",attachment; filename="b.txt"',
    ],
)
def test_a_name_that_is_said_twice_is_none(disposition: str) -> None:
    """The last of them also stands for two headers, as the server joins them."""
    with pytest.raises(Malformed):
        raw_offer(request({"Content-Disposition": disposition}))


@pytest.mark.parametrize("given", [ONE, f"sha-512=:AAAA:, {ONE}", f"{ONE} ,md5=:AA==:"])
def test_one_digest_that_we_know_is_enforced(given: str) -> None:
    assert expected_digest(request({"Repr-Digest": given})) == "01" * 32


@pytest.mark.parametrize(
    "given", ["", "sha-512=:AAAA:", f"{ONE}, {OTHER}", f"{ONE},{ONE}", f"x{ONE}", f"{ONE}x"]
)
def test_a_digest_that_is_none_or_comes_twice_is_refused(given: str) -> None:
    """RFC 9530 makes it a dictionary, of which the last one counts: others may take the first."""
    with pytest.raises(Malformed):
        expected_digest(request({"Repr-Digest": given}))


UNKNOWN = [f"/x{at}" for at in range(20)]


@pytest.mark.parametrize(
    ("model", "members", "pointers"),
    [
        (DocumentChange, {"name": 1}, ["/name"]),
        (DocumentChange, {"name": {}}, ["/name"]),
        (DocumentChange, {"name": ["x"], "expires_at": 1}, ["/name", "/expires_at"]),
        (DocumentChange, {"state": {"name": 1}}, ["/state"]),
        (WebhookChange, {"enabled": "x"}, ["/enabled"]),
        (WebhookChange, {"events": []}, ["/events"]),
        (WebhookChange, {"events": ["document.clean", 1]}, ["/events/1"]),
        (LinkRequest, {}, ["/documents"]),
        (LinkRequest, {"documents": ["a", {"documents": 1}]}, ["/documents/1"]),
        (LinkRequest, {f"x{at}": at for at in range(19)}, ["/documents", *UNKNOWN[:19]]),
        (LinkRequest, {f"x{at}": at for at in range(9_000)}, UNKNOWN),
        (LinkRequest, {"documents": [*range(50)]}, [f"/documents/{at}" for at in range(20)]),
    ],
)
def test_a_pointer_leads_to_what_is_wrong_in_the_body(
    model: type[Body], members: dict[str, Any], pointers: list[str]
) -> None:
    """And to nothing that only our own model knows, a branch of it."""
    asked = request({"Content-Type": "application/json"}, body=json.dumps(members).encode())
    with pytest.raises(Invalid) as refused:
        read_body(asked, model)
    assert [one["pointer"] for one in refused.value.members["errors"]] == pointers


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=\"euro.txt\"; filename*=UTF-8''%E2%82%AC.txt", "€.txt"),
        ("attachment; filename*=UTF-8''%E2%82%AC.txt; filename=\"euro.txt\"", "€.txt"),
        ("attachment; FileName*=utf-8'de'%E2%82%AC.txt ;filename=euro.txt", "€.txt"),
        ("attachment; filename=\"; filename*=UTF-8''x.txt\"", "; filename*=UTF-8''x.txt"),
        ('attachment; filename="a\\"b; filename*=c.txt"', 'a"b; filename*=c.txt'),
        ("attachment; filename*=ISO-8859-1''%e4.txt", "ä.txt"),
        ("attachment; filename*=UTF-8''%EF%BF%BD.txt", "\ufffd.txt"),
        ("attachment; filename=euro.txt", "euro.txt"),
        ("attachment", None),
    ],
)
def test_the_extended_name_counts_wherever_it_stands(disposition: str, name: str | None) -> None:
    """RFC 6266 section 4.3: `filename` beside it is for those who cannot read it."""
    assert raw_offer(request({"Content-Disposition": disposition})).untrusted_name == name


@pytest.mark.parametrize(
    "name", ["UTF-8''a%ffb.txt", "us-ascii''%e4.txt", "utf-8''%EF%BF%BD%ff.txt"]
)
def test_a_name_that_is_no_text_is_refused(name: str) -> None:
    """Letters that nobody sent would make it another name, and two names the same."""
    with pytest.raises(Malformed, match="RFC 8187"):
        raw_offer(request({"Content-Disposition": f"attachment; filename*={name}"}))


def test_of_a_long_accept_header_only_its_beginning_is_read() -> None:
    """It is looked at to refuse a request as well, also by those who are over their limit."""
    asked = EnvironBuilder(headers={"Accept": "text/html," + "a/b," * 14_000}).get_environ()
    accepted = _App.request_class(asked).accept_mimetypes
    assert accepted.accept_html
    assert len(accepted) < 300


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2027-01-31t12:00:00z", "2027-01-31T12:00:00+00:00"),
        ("2027-01-31T12:00:00.123456789Z", "2027-01-31T12:00:00.123456+00:00"),
        ("2027-01-31T12:00:00.5+02:00", "2027-01-31T10:00:00.500000+00:00"),
    ],
)
def test_a_time_may_be_written_as_the_rfc_lets_it(text: str, read: str) -> None:
    """RFC 3339 section 5.6: small letters, and as many digits of a second as there are."""
    found = moment(text, "/expires_at")
    assert found is not None
    assert found.isoformat() == read


@pytest.mark.parametrize(
    "text",
    ["2027-01-31T12:00:00." + "1" * 99 + "Z", "2027-02-30T12:00:00Z", "2027-01-31 12:00:00Z"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        moment(text, "/expires_at")


def test_a_pointer_is_cut_to_one_that_is_well_formed() -> None:
    """RFC 6901: a tilde stands before 0 or 1."""
    asked = request({"Content-Type": "application/json"}, body=b'{"%s": 1}' % (b"~" * 200))
    with pytest.raises(Invalid) as refused:
        read_body(asked, LinkRequest)
    pointers = [one["pointer"] for one in refused.value.members["errors"]]
    assert "/" + "~0" * 59 in pointers
