"""The log: what happened, and nothing that opens a door or belongs to a user."""

from __future__ import annotations

import json

from tests.support import samples
from tests.support.people import Person
from tests.support.stack import Stack

CONTENT = b"a sentence that nobody but its owner may read\n"
NAME = 'private "name" of a file.txt'


def test_the_log_has_neither_secrets_nor_content(stack: Stack, alice: Person) -> None:
    """After uploads, refusals, downloads and sign-ins: no key, cookie, signature, byte or name."""
    document_id = alice.upload(NAME, CONTENT)
    alice.settle(document_id)
    alice.post(NAME.replace("txt", "png"), CONTENT)
    picture = alice.upload("picture.png", samples.png())
    alice.settle(picture)
    location = alice.api.get(f"/documents/{document_id}/content").headers["Location"]
    alice.api.get("/documents", headers={"Authorization": f"Bearer {alice.key[:-1]}!"})
    alice.api.get(f"/documents?key={alice.key}")
    with alice.browser() as browser:
        cookie = browser.cookies["session"]
        token = browser.token("/documents")
        browser.get(f"/documents/{document_id}/download")
        browser.sign_in(alice.email, "a wrong password of hers", token)
    said = stack.log.read_text()
    assert '"event": "request"' in said
    settings = stack.services().settings
    for secret in (
        *(alice.key.split(".")[2], alice.password, "a wrong password", cookie, token),
        *("X-Amz-Signature", location.rpartition("=")[2], CONTENT.decode().strip(), NAME),
        *(settings.secret_key.get_secret_value(), settings.s3_secret_key.get_secret_value()),
    ):
        assert secret not in said
    # The last one may just be written.
    for line in said[: said.rindex("\n")].splitlines():
        # The supervisor's sentences are for people; so is what Celery says when it is stopped.
        if line and not line.startswith(("uploads: ", "worker: ")):
            json.loads(line)
