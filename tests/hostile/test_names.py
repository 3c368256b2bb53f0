"""Hostile names at every door: one normalisation, then one decision, the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest
from werkzeug.http import parse_options_header

from tests.hostile.doors import BAD_NAME, NOT_ALLOWED, WRONG_TYPE, Refused
from tests.support import plain, samples
from tests.support.invariants import Promises
from tests.support.people import Person
from tests.support.raw import FORM_TYPE, form

# What comes in is judged before any database: once is enough.
pytestmark = pytest.mark.one_database

TEXT = b"hello\n"
Send = Callable[[Person, str, bytes], httpx.Response]


def by_form(person: Person, name: str, content: bytes) -> httpx.Response:
    """Quoted as browsers do (WHATWG HTML, multipart/form-data encoding algorithm)."""
    quoted = name.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")
    part = b'form-data; name="file"; filename="' + quoted.encode() + b'"'
    headers = {"Content-Type": FORM_TYPE}
    return person.api.post("/documents", content=form((part, content)), headers=headers)


def by_disposition(person: Person, name: str, content: bytes) -> httpx.Response:
    named = f"filename*=UTF-8''{quote(name, safe='')}" if name else 'filename=""'
    headers = {"Content-Disposition": f"attachment; {named}"}
    return person.api.post("/documents", content=content, headers=headers)


def by_query(person: Person, name: str, content: bytes) -> httpx.Response:
    return person.api.post("/documents", params={"name": name}, content=content)


DOORS: dict[str, Send] = {"form": by_form, "disposition": by_disposition, "query": by_query}

# Row → label → (name, content, what it is called afterwards or how it is refused).
NAMES: dict[int, dict[str, tuple[str, bytes, str | Refused]]] = {
    34: {
        "up": ("../../etc/passwd.txt", TEXT, BAD_NAME),
        "absolute": ("/etc/passwd.txt", TEXT, BAD_NAME),
        "encoded": ("..%2fa.txt", TEXT, "_..%2fa.txt"),
        "encoded twice": ("%252e%252e%2fa.txt", TEXT, "%252e%252e%2fa.txt"),
        "backslash": ("..\\a.txt", TEXT, BAD_NAME),
    },
    35: {
        "php in the middle": ("a.php.jpg", samples.jpeg(), "a.php.jpg"),
        "php at the end": ("a.jpg.php", samples.jpeg(), NOT_ALLOWED),
        "encoded NUL": ("a.php%00.jpg", samples.jpeg(), "a.php%00.jpg"),
        "NUL": ("a.php\0.jpg", samples.jpeg(), BAD_NAME),
        "semicolon": ("a.php;.jpg", samples.jpeg(), "a.php;.jpg"),
        "dot behind": ("a.jpg.", samples.jpeg(), "a.jpg"),
        "space behind": ("a.jpg ", samples.jpeg(), "a.jpg"),
        "other case": ("a.JpG", samples.jpeg(), "a.JpG"),
        "no ending": ("a", samples.jpeg(), NOT_ALLOWED),
        "nothing but an ending": (".jpg", samples.jpeg(), "_.jpg"),
        "other content": ("a.php.jpg", b"<?php echo 1; ?>", WRONG_TYPE),
    },
    36: {
        "element": (
            "<img src=x onerror=alert(1)>.png",
            samples.png(),
            "<img src=x onerror=alert(1)>.png",
        ),
        "template": ("{{7*7}}.png", samples.png(), "{{7*7}}.png"),
        "expression": ("${x}.png", samples.png(), "${x}.png"),
        "address": ("javascript:alert(1).png", samples.png(), "javascript_alert(1).png"),
    },
    37: {
        "256": ("a" * 252 + ".txt", TEXT, BAD_NAME),
        "5,000": ("a" * 4996 + ".txt", TEXT, BAD_NAME),
        "of many bytes": ("ä" * 130 + ".txt", TEXT, BAD_NAME),
    },
    38: {
        "hidden": (".htaccess", TEXT, NOT_ALLOWED),
        "option": ("-o.txt", TEXT, "_-o.txt"),
        "newline": ("a\nb.txt", TEXT, BAD_NAME),
        "carriage return": ("a\rb.txt", TEXT, BAD_NAME),
        "pipe": ("|id.txt", TEXT, "|id.txt"),
        "device": ("CON.png", samples.png(), "_CON.png"),
        "device and colon": ("nul:.txt", TEXT, "nul_.txt"),
        "formula": ("=1+1.txt", TEXT, "=1+1.txt"),
        "stream": ("a:b.txt", TEXT, "a_b.txt"),
        "shell": ("$(id)`id`.txt", TEXT, "$(id)`id`.txt"),
    },
    39: {
        "quote": ('x"; filename="y.html.txt', TEXT, 'x"; filename="y.html.txt'),
        "header": ("x\r\nSet-Cookie: a=b.txt", TEXT, BAD_NAME),
        "backslashes": ("C:\\dir\\b.txt", TEXT, "b.txt"),
    },
    40: {"empty": ("", TEXT, BAD_NAME)},
    41: {
        "NFD": ("re\u0301sume\u0301.txt", TEXT, "résumé.txt"),
        "fullwidth dot": ("a\uff0ejpg", samples.jpeg(), NOT_ALLOWED),
        "homoglyph": ("a.jр\u0261", samples.jpeg(), NOT_ALLOWED),
        "zero-width space": ("a\u200b.txt", TEXT, "a.txt"),
        "nothing to be seen": ("\u3164\u2800.txt", TEXT, "_.txt"),
        "right-to-left override": ("a\u202etxt.txt", TEXT, "atxt.txt"),
    },
}


@pytest.mark.parametrize("row", NAMES)
def test_each_name_is_kept_or_refused_alike_at_every_door(
    alice: Person, promises: Promises, row: int
) -> None:
    """One row of the requirements, by form, by header and by query."""
    found = {}
    for label, (name, content, _) in NAMES[row].items():
        for door, send in DOORS.items():
            found[label, door] = _became(send(alice, name, content))
    expected = {(label, door): end for label, (*_, end) in NAMES[row].items() for door in DOORS}
    assert found == expected
    promises.hold()


def _became(answer: httpx.Response) -> str | Refused:
    said = answer.json()
    if answer.status_code == 202:
        return str(said["name"])
    return Refused(answer.status_code, said["code"])


def test_a_name_of_100_000_characters_is_no_burden(alice: Person, promises: Promises) -> None:
    """Longer than any header may be: refused by whoever meets it first."""
    # Of an address the client sends less.
    lengths = {door: 60_000 if door == "query" else 100_000 for door in DOORS}
    answers = {
        door: send(alice, "a" * lengths[door] + ".txt", TEXT) for door, send in DOORS.items()
    }
    found = {door: (answer.status_code, answer.json()["code"]) for door, answer in answers.items()}
    assert found == dict.fromkeys(DOORS, (431, "headers-too-large"))
    promises.hold()


def test_every_kept_name_comes_back_in_one_disposition(alice: Person, promises: Promises) -> None:
    """The header of a download names exactly this file, as an attachment, once (RFC 6266)."""
    for names in NAMES.values():
        for name, content, end in names.values():
            if not isinstance(end, str):
                continue
            document = alice.settle(by_disposition(alice, name, content).json()["id"])
            assert document["state"] == "clean", document
            location = alice.api.get(f"/documents/{document['id']}/content").headers["Location"]
            served = plain.get(location)
            assert len(served.headers.get_list("Content-Disposition")) == 1
            kind, options = parse_options_header(served.headers["Content-Disposition"])
            assert (kind, options["filename"]) == ("attachment", end)
    promises.hold()


def test_names_are_text_on_every_page(alice: Person, promises: Promises) -> None:
    """Whatever a name holds, the pages show it letter by letter."""
    ids = {
        name: by_query(alice, name, content).json()["id"]
        for name, content, end in NAMES[36].values()
        if isinstance(end, str)
    }
    with alice.browser() as browser:
        pages = [browser.get("/documents").text]
        pages += [browser.get(f"/documents/{one}").text for one in ids.values()]
        pages += [browser.get(f"/documents/{one}/delete").text for one in ids.values()]
    for page in pages:
        assert "<img src=x" not in page
        assert 'href="javascript:' not in page
        assert "49.png" not in page
    promises.hold()
