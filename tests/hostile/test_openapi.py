"""schemathesis against the running service: what the document says is so, and nothing else gets in.

Every check is on. Streams have no end and are left out: their heads are held against the document
with every route's in tests/doors/test_routes.py, their events are in tests/doors/test_events.py.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import grants, links, plain, samples
from tests.support.described import FILE, document
from tests.support.people import PATIENCE, Person
from tests.support.requests import KEY, NOWHERE
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.documents.model import Scope

pytestmark = pytest.mark.one_database

HERE = Path(__file__).parent
COMMAND = str(Path(sys.executable).parent / "schemathesis")
OUTSIDE = ("content", "linked")
EXAMPLES = 10


@pytest.fixture(scope="module")
def tester(stack: Stack) -> Person:
    """Somebody of whom everything may be deleted."""
    return stack.person("schemathesis")


@pytest.fixture
def things(tester: Person) -> dict[str, str]:
    """One of each thing that an address can name, by the name of its parameter."""
    document = links.clean(tester, "found.png", samples.png())
    eventually(lambda: tester.document(document)["renditions"], PATIENCE)
    link = links.shared(tester, document)
    hook = tester.api.post("/webhooks", json={"url": NOWHERE}).json()["id"]
    return {
        "document_id": document,
        "upload_id": grants.asked(tester)["id"],
        "link_id": link["id"],
        "key_id": tester.api.post("/keys", json=KEY).json()["id"],
        "webhook_id": hook,
        "delivery_id": tester.api.post(f"/webhooks/{hook}/test").json()["id"],
        "name": "thumbnail-200",
        "url": NOWHERE,
        "token": link["url"].rpartition("/")[2],
        "ticket": links.ticket(tester, link["url"]).rpartition("/")[2],
    }


def configuration(things: dict[str, str]) -> str:
    """The settings, with the things that are there. What deletes finds its own."""
    found = [(HERE / "schemathesis.toml").read_text()]
    found += [
        f"[dictionaries.{name}]\nvalues = [{json.dumps(one)}]" for name, one in things.items()
    ]
    found += ['[[operations]]\ninclude-method = ["GET", "PATCH", "POST"]\n[operations.parameters]']
    found.append('"body.url" = { dictionary = "url", probability = 0.8 }')
    found += [f'"path.{name}" = {{ dictionary = "{name}", probability = 0.8 }}' for name in things]
    return "\n".join(found)


def tried(
    folder: Path, tester: Person, things: dict[str, str], url: str, *chosen: str
) -> subprocess.CompletedProcess[str]:
    """One run of the command; it ends with 0 when nothing was found."""
    settings = folder / "schemathesis.toml"
    settings.write_text(configuration(things))
    argv = [COMMAND, "--no-color", "--config-file", str(settings), "run", str(FILE)]
    argv += ["--url", url, "--header", f"Authorization: Bearer {tester.key}"]
    argv += ["--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), *chosen]
    # The hooks are found from the root on, and know the key.
    more = {"PYTHONPATH": str(HERE.parents[1]), "TRIED_WITH_KEY": tester.key}
    env = {**os.environ, **more}
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=1200)


def test_what_is_served_is_what_is_checked_in(stack: Stack) -> None:
    """To anybody, byte for byte; what the running app wraps around its views hides nothing."""
    answer = plain.get(f"{stack.base_url}/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.text == FILE.read_text()


def test_each_operation_asks_for_the_scope_that_it_names(stack: Stack, tester: Person) -> None:
    """A key that has only the other one is forbidden, before the rest is looked at."""
    read, write = Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE
    keys = {read: stack.key(tester.email, write), write: stack.key(tester.email, read)}
    keys[Scope.ADMIN] = keys[write]
    tried_out = 0
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            for scope in next((way["key"] for way in operation["security"] if "key" in way), []):
                url = stack.base_url + re.sub(r"\{\w+\}", "nothing", path)
                key = {"Authorization": f"Bearer {keys[Scope(scope)]}"}
                answer = plain.request(method.upper(), url, headers=key)
                assert answer.status_code == 403, path
                assert method == "head" or answer.json()["code"] == "forbidden", path
                tried_out += 1
    assert tried_out > len(keys)


def test_the_api_is_as_its_document_says(
    stack: Stack, tester: Person, things: dict[str, str], tmp_path: Path
) -> None:
    """Each operation, with requests that are right, wrong in each place, and of nobody."""
    left_out = [word for tag in (*OUTSIDE, "events") for word in ("--exclude-tag", tag)]
    run = tried(tmp_path, tester, things, stack.base_url, *left_out)
    assert run.returncode == 0, run.stdout + run.stderr
    assert tester.api.get("/me").status_code == 200


def test_the_content_host_is_as_its_document_says(
    stack: Stack, tester: Person, things: dict[str, str], tmp_path: Path
) -> None:
    """Links, tickets and what they lead to."""
    chosen = [word for tag in OUTSIDE for word in ("--include-tag", tag)]
    run = tried(tmp_path, tester, things, stack.content_url, *chosen)
    assert run.returncode == 0, run.stdout + run.stderr
