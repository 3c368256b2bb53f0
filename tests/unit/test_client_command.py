"""What the command says and how it ends, against a service of which only the answers matter."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from uploads_client import Client, Retries, command
from uploads_client.stopping import Stop

TEXT = b"a plain text\n"
COMMAND = f"{sys.executable} -m uploads_client"
WHERE = {"UPLOADS_URL": "http://127.0.0.1:9", "UPLOADS_KEY": "a-key"}

Run = Callable[..., tuple[int, str, str]]


class Service:
    """Takes every file, has `doc_a` and `doc_b`, and keeps what was asked."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.sent: list[str] = []
        self.away = False
        self.stops_at: str | None = None
        self.read: dict[str, str] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("refused")
        if request.method == "POST":
            if request.url.params["name"] == self.stops_at:
                raise Stop(signal.SIGTERM)
            self.sent.append(request.url.params["name"])
            return httpx.Response(201, json=self._document("doc_a", request.url.params["name"]))
        if request.url.path.endswith("/documents"):
            return httpx.Response(200, json={"items": []})
        found = request.url.path.split("/")[4]
        if found == self.stops_at:
            raise Stop(signal.SIGTERM)
        if found not in {"doc_a", "doc_b"}:
            problem = {"code": "not-found", "detail": "Nothing."}
            headers = {"Content-Type": "application/problem+json"}
            return httpx.Response(404, json=problem, headers=headers)
        if request.method == "DELETE":
            self.deleted.append(found)
            return httpx.Response(204)
        if request.url.path.endswith("/content"):
            return httpx.Response(302, headers={"Location": "http://store.test/o/o/o/doc_a"})
        if request.url.host == "store.test":
            return httpx.Response(200, content=TEXT)
        return httpx.Response(200, json={**self._document(found, "note.txt"), **self.read})

    def _document(self, known: str, name: str) -> dict[str, Any]:
        digest = hashlib.sha256(TEXT).hexdigest()
        return {"id": known, "name": name, "size": len(TEXT), "sha256": digest, "state": "clean"}


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def run(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs the command; returns its exit code, output and complaints."""

    def connect(url: str, key: str, **_: object) -> Client:
        transport = httpx.MockTransport(service.answer)
        return Client(url, key, retries=Retries(first=0), transport=transport)

    monkeypatch.setattr(command, "Client", connect)
    for name, value in WHERE.items():
        monkeypatch.setenv(name, value)

    def do(*words: str) -> tuple[int, str, str]:
        code = command.main(words)
        return code, *capsys.readouterr()

    return do


@pytest.fixture
def notes(tmp_path: Path) -> list[str]:
    """Two files."""
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(TEXT)
    return [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def errors(text: str) -> list[tuple[str, str | None]]:
    """Of each object its name, and the code of its error."""
    return [(one["file"], one.get("error", {}).get("code")) for one in objects(text)]


@pytest.mark.parametrize("verb", ["get", "wait", "rm"])
@pytest.mark.parametrize(
    ("known", "code", "word"), [("doc_nope", 1, "not-found"), ("bad/id", 2, "local")]
)
def test_a_refusal_is_an_object_of_every_verb(
    verb: str, known: str, code: int, word: str, run: Run
) -> None:
    ended, out, err = run(verb, "--json", known)
    assert (ended, errors(out), err) == (code, [(known, word)], "")


@pytest.mark.parametrize("to", ["", "/", "/copy.txt"])
def test_the_object_of_a_download_names_the_file(to: str, run: Run, tmp_path: Path) -> None:
    code, out, _ = run("get", "--json", "doc_a", "-o", f"{tmp_path}{to}")
    assert code == 0
    [told] = objects(out)
    assert Path(told["file"]).read_bytes() == TEXT


def test_where_the_bytes_have_the_output_the_object_goes_to_the_other(run: Run) -> None:
    code, out, err = run("get", "--json", "doc_nope", "-o", "-")
    assert (code, out, errors(err)) == (1, "", [("doc_nope", "not-found")])


def test_a_service_that_is_away_is_told_of_every_file(
    run: Run, service: Service, notes: list[str]
) -> None:
    service.away = True
    code, out, err = run("upload", "--json", *(many := notes * 20))
    assert (code, err, [file for file, _ in errors(out)]) == (3, "", many)
    assert {word for _, word in errors(out)} == {"not-reachable", "not-done"}, "begun, and not"
    code, out, _ = run("upload", "--json", "--method", "stream", *notes)
    assert errors(out) == list(zip(notes, ["not-reachable", "not-done"], strict=True))
    code, out, err = run("rm", "--json", "doc_a", "doc_b")
    assert (code, err) == (3, "")
    assert errors(out) == [("doc_a", "not-reachable"), ("doc_b", "not-done")]


def test_a_failure_of_everything_is_an_object_too(
    run: Run, service: Service, notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = run("upload", "--json", "--name", "c.txt", *notes)
    assert (code, out, json.loads(err)["error"]["code"]) == (2, "", "local")
    service.away = True
    code, out, err = run("ls", "--json")
    assert (code, out, json.loads(err)["error"]["code"]) == (3, "", "not-reachable")
    monkeypatch.delenv("UPLOADS_KEY")
    code, out, err = run("--json", "ls")
    assert (code, out, json.loads(err)["error"]["code"]) == (2, "", "local")


def test_a_service_that_is_away_is_not_waited_for_again(run: Run, service: Service) -> None:
    service.away = True
    code, out, err = run("wait", "--json", "doc_a", "doc_b")
    assert (code, err) == (3, "")
    assert errors(out) == [("doc_a", "not-reachable"), ("doc_b", "not-done")]


@pytest.mark.parametrize("verb", ["wait", "rm"])
def test_who_is_stopped_is_told_of_what_was_done(verb: str, run: Run, service: Service) -> None:
    service.stops_at = "doc_b"
    code, out, _ = run(verb, "--json", "doc_a", "doc_b", "doc_c")
    assert code == 143
    assert errors(out) == [("doc_a", None), ("doc_b", "not-done"), ("doc_c", "not-done")]


def test_who_is_stopped_in_a_download_is_told_too(run: Run, service: Service) -> None:
    service.stops_at = "doc_a"
    code, out, _ = run("get", "--json", "doc_a")
    assert (code, errors(out)) == (143, [("doc_a", "not-done")])
    code, out, err = run("get", "--json", "doc_a", "-o", "-")
    assert (code, out, errors(err.splitlines()[0])) == (143, "", [("doc_a", "not-done")])


def test_who_is_stopped_is_told_of_every_file(run: Run, service: Service, notes: list[str]) -> None:
    service.stops_at = "b.txt"
    code, out, _ = run("upload", "--json", "--method", "stream", *notes)
    assert (code, errors(out)) == (143, [(notes[0], None), (notes[1], "not-done")])


def test_a_file_that_changed_while_it_was_sent_is_shown_as_it_ended(
    run: Run, service: Service, notes: list[str]
) -> None:
    service.read = {"state": "rejected", "sha256": "0" * 64}
    code, out, _ = run("upload", "--json", notes[0])
    assert (code, errors(out)) == (1, [(notes[0], "digest-mismatch")])
    assert objects(out)[0]["state"] == "rejected"


@pytest.mark.parametrize("text", ["", "text/plain\nx: y", "t\u00e9xt/plain", " a/b"])
def test_what_is_no_type_is_wrong_usage(
    text: str, run: Run, service: Service, notes: list[str]
) -> None:
    code, out, _ = run("upload", "--json", "--type", text, notes[0])
    assert (code, errors(out), service.sent) == (2, [(notes[0], "local")], [])


def test_a_file_that_is_not_there_keeps_the_others_back(
    run: Run, service: Service, notes: list[str], tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing.txt")
    code, out, err = run("upload", "--json", notes[0], missing)
    assert (code, errors(out), err) == (2, [(notes[0], "not-done"), (missing, "local")], "")
    assert service.sent == []


def test_each_document_that_can_be_is_deleted(run: Run, service: Service) -> None:
    """The worst that happened is the exit code, wherever it stood."""
    code, out, err = run("rm", "--json", "bad/id", "doc_a", "doc_nope", "doc_b")
    assert (code, err) == (2, "")
    assert [one.get("state") for one in objects(out)] == [None, "deleted", None, "deleted"]
    assert [word for _, word in errors(out)] == ["local", None, "not-found", None]
    assert service.deleted == ["doc_a", "doc_b"]
    code, out, _ = run("rm", "bad/id", "doc_a")
    assert code == 2
    assert out.startswith("bad/id\n")


def test_a_name_that_is_not_utf8_needs_another(run: Run, service: Service, tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")
    Path(odd).write_bytes(TEXT)
    code, out, _ = run("upload", odd)
    assert code == 2
    assert "not UTF-8" in out
    assert "--name" in out
    assert service.sent == []
    assert run("upload", odd, "--name", "odd.txt")[0] == 0
    assert service.sent == ["odd.txt"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ls >&-", "standard output is closed"),
        ("--help >&- <&-", "standard output is closed"),
        ("upload - --name a.txt <&-", "Standard input is closed"),
        ("ls >&- 2>&-", ""),
        ("wait bad/id 2>&-", ""),
        ("get bad/id 2>&-", ""),
    ],
)
def test_a_closed_stream_is_wrong_usage(words: str, said: str) -> None:
    """Nothing of what belongs to one stream comes out of another."""
    ended = subprocess.run(
        ["sh", "-c", f"exec {COMMAND} {words}"],
        env={**os.environ, **WHERE},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2, ended
    assert ended.stderr.count("\n") == (1 if said else 0)
    assert said in ended.stderr
    assert (ended.stdout != "") is words.startswith("wait")


@pytest.mark.parametrize("words", ["get bad/id", "ls --url nowhere", "ls --json --url nowhere"])
def test_an_error_that_nobody_takes_keeps_its_code(words: str) -> None:
    asked = ["sh", "-c", f"exec {COMMAND} {words} 2>/dev/full"]
    ended = subprocess.run(asked, env={**os.environ, **WHERE}, timeout=60, check=False)
    assert ended.returncode == 2


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("socks5://127.0.0.1:9", "httpx[socks]"),
        ("http://127.0.0.1:port", "proxy"),
        ("odd://127.0.0.1:9", "proxy"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_wrong_usage(
    proxy: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one sentence, and a program is told by a ValueError."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    assert command.main(["ls", "--url", WHERE["UPLOADS_URL"], "--key", WHERE["UPLOADS_KEY"]]) == 2
    found = capsys.readouterr().err
    assert found.count("\n") == 1
    assert said in found


@pytest.mark.parametrize("text", ["soon", "-1", "nan"])
def test_what_is_no_time_is_said_so(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["wait", "doc_a", "--timeout", text])
    assert f"{text!r} is no number of seconds" in capsys.readouterr().err
