"""Many files go up together: small ones streamed, others granted in batches, all proved alike."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.client.test_command import said
from tests.support.grants import TEXT, used
from tests.support.meddling import Meddling, puts
from tests.support.people import PATIENCE, Person
from uploads_client import Client, File, Sent

pytestmark = pytest.mark.one_database

MakeClient = Callable[..., Client]


def text(size: int) -> bytes:
    """So many bytes that no other test has."""
    return os.urandom(size // 2 + 1).hex().encode()[:size]


def ended(client: Client, files: list[File]) -> list[Sent]:
    with client.upload_all(files) as sending:
        list(sending)
        return sending.ended


def test_files_of_all_sizes_go_up_together_and_come_out_clean(
    make_client: MakeClient, person: Person
) -> None:
    """What one of them is refused for keeps no other."""
    transport = Meddling()
    sizes = [100, 300_000, 5_000, 400_000, 350_000]
    files = [File(text(size), f"{size}.txt") for size in sizes]
    files += [File(text(300_000), "setup.exe"), File(text(500_000), "large.txt")]
    files += [File(text(200), "Grüße; 1 (2), 'ß'=€.txt"), File(text(201), "a%22b.txt")]
    client = make_client(transport=transport, stream_up_to=200_000, put_up_to=450_000)
    found = ended(client, files)
    refused = found.pop(5)
    assert (getattr(refused.error, "code", ""), refused.document) == ("type-not-allowed", None)
    for one in found:
        assert one.document is not None, one.error
        assert isinstance(one.content, File)
        content = one.content.content
        assert isinstance(content, bytes)
        settled = client.wait(one.document, PATIENCE)
        assert (settled.state, settled.name) == ("clean", one.content.name)
        assert settled.sha256 == hashlib.sha256(content).hexdigest()
        assert person.content(settled.id) == content
    ways = Counter(one.url.path for one in transport.seen if one.method == "POST")
    assert ways["/api/v1/document-batches"] == 1
    assert ways["/api/v1/documents"] == 1, "of a name that forms tell in different ways"
    assert ways["/api/v1/uploads"] == 1
    assert ways["/api/v1/upload-batches"] <= 2


def test_who_stops_leaves_no_grant(make_client: MakeClient, person: Person) -> None:
    """Before a byte has gone to the store."""

    def stop(transport: Meddling, request: httpx.Request) -> httpx.Response | None:
        if puts(request):
            raise KeyboardInterrupt
        return None

    client = make_client(transport=Meddling(stop))
    with pytest.raises(KeyboardInterrupt):
        ended(client, [File(text(300_000), f"{n}.txt") for n in range(9)])
    assert used(person) == (0, 0)


def test_the_command_sends_all_and_prints_receipts_in_order(person: Person, tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.txt" for n in range(6)]
    for n, file in enumerate(files):
        file.write_bytes(TEXT + text(300_000 * (n % 2) + n + 1))
    out, err = said(person, "upload", "--json", *map(str, files))
    assert err == ""
    told = [json.loads(line) for line in out.splitlines()]
    assert [one["file"] for one in told] == [str(file) for file in files]
    assert {one["state"] for one in told} == {"clean"}
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert [one["sha256"] for one in told] == digests
