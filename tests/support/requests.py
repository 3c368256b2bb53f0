"""What the table of all routes asks with: addresses and bodies made for one request each."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.support import grants as granted
from tests.support import links, samples
from tests.support.people import Person
from tests.support.stack import Stack

KEY = {"name": "routes", "scopes": ["documents:read"]}
# Nobody listens there.
NOWHERE = "http://127.0.0.1:1024/hook"


def made_for(stack: Stack, alice: Person, clean: str, path: str) -> str:
    """The address, with all that it names made for this one request."""
    if "{spare}" in path:
        path = path.format(spare=alice.upload("spare.png", samples.png()))
    if "{token}" in path:
        path = alice.api.get(f"/documents/{clean}/renditions/thumbnail-200").headers["Location"]
    if "{open}" in path or "{sent}" in path:
        made = granted.asked(alice)
        if "{sent}" in path:
            assert granted.sent(alice, made).status_code == 200
        path = path.format(open=made["id"], sent=made["id"])
    if "{link}" in path:
        path = path.replace("{link}", links.shared(alice, clean)["id"])
    if "{style}" in path:
        path = f"{stack.content_url}/links/form.css"
    if "{hook}" in path:
        path = path.format(**_hooked(alice))
    if "{key}" in path:
        path = path.format(key=alice.api.post("/keys", json=KEY).json()["id"])
    return path.format(clean=clean)


def body_for(send: dict[str, Any], clean: str) -> dict[str, Any]:
    """What is sent, with the clean document's id where JSON asks for it."""
    if "json" not in send:
        return dict(send)
    return {**send, "json": json.loads(json.dumps(send["json"]).replace("{clean}", clean))}


def asked(person: Person, method: str, url: str, **more: Any) -> httpx.Response:
    """The answer to a program; of a stream that has no end only its head."""
    with person.api.stream(method, url, **more) as answer:
        if method != "GET" or not url.endswith("/api/v1/events"):
            answer.read()
        return answer


def _hooked(person: Person) -> dict[str, str]:
    """A webhook in the place of those before, and something that it was told."""
    for old in person.api.get("/webhooks").json()["items"]:
        assert person.api.delete(f"/webhooks/{old['id']}").status_code == 204
    made = person.api.post("/webhooks", json={"url": NOWHERE}).json()
    told = person.api.post(f"/webhooks/{made['id']}/test").json()
    return {"hook": made["id"], "told": told["id"]}
