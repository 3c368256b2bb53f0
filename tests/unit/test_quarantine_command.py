"""`uploads quarantine`, as an operator and a script see it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result

from tests.support.line import TEXT, Line
from tests.support.quarantine import WHY, Quarantine, unsealed
from tests.support.zip_bytes import Piece, make_zip
from uploads import clock
from uploads.documents.model import Outcome, State
from uploads.security.accounts import Accounts
from workers.cli import main
from workers.cli.quarantine import quarantine as command

DIGEST = hashlib.sha256(TEXT).hexdigest()
Run = Callable[..., Result]


@pytest.fixture
def quarantine(line: Line) -> Quarantine:
    line.now = clock.now()  # which the command goes by
    return Quarantine(line)


@pytest.fixture
def run(quarantine: Quarantine) -> Run:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts = Accounts(quarantine.line.records, hasher=cheap)

    def run_one(*words: str) -> Result:
        return CliRunner().invoke(command, list(words), obj=(quarantine.desk, accounts))

    return run_one


def refused(result: Result, sentence: str) -> None:
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stdout == ""


def test_files_are_listed_for_people_and_for_programs(quarantine: Quarantine, run: Run) -> None:
    made = [quarantine.refused(name=f"{number}.txt") for number in range(3)]
    quarantine.ask(made[0])
    listed = run("list")
    assert listed.exit_code == 0
    assert sorted(line.split()[0] for line in listed.stdout.splitlines()) == sorted(
        one.id for one in made
    )
    assert "release asked" in listed.stdout
    found = json.loads(run("list", "--json", "--text", "1.txt").stdout)
    assert [one["id"] for one in found] == [made[1].id]
    assert found[0]["owner"]["email"] == "ann@example.org"
    assert json.loads(run("list", "--json", "--owner", "eve@example.org").stdout) == []
    assert json.loads(run("list", "--json", "--state", "rejected").stdout) == []
    assert run("list", "--state", "clean").exit_code == 2
    refused(run("list", "--owner", "nobody@example.org"), "There is no user")
    some = run("list", "--limit", "2")
    assert len(some.stdout.splitlines()) == 2
    assert "There are more than these 2" in some.stderr


def test_a_file_is_shown_without_steering_the_screen(quarantine: Quarantine, run: Run) -> None:
    """The names in an archive are a stranger's text, and come out as text."""
    nasty = "evil\x1b[2J\u202etxt.exe"
    document = quarantine.refused()
    quarantine.swap(document, make_zip(Piece(nasty.encode(), b"x", flags=0x0800)))
    shown = run("show", document.id)
    assert shown.exit_code == 0, shown.stderr
    for words in ("ann@example.org", "Bad.Thing", "50 4b 03 04", "PK..", "members  1"):
        assert words in shown.stdout
    assert "evil\\x1b[2J\\u202etxt.exe" in shown.stdout
    assert not {"\x1b", "\u202e"} & set(shown.stdout)
    found = json.loads(run("show", document.id, "--json").stdout)
    assert found["head"].startswith("504b0304")
    assert len(found["verdicts"]) == 1
    refused(run("show", "doc_nosuch"), "There is nothing here")


def test_two_administrators_release_by_command(quarantine: Quarantine, run: Run) -> None:
    document = quarantine.refused()
    words = ("release", document.id, "--sha256", DIGEST.upper(), "--reason", WHY)
    first = run(*words, "--as", "bob@example.org")
    assert (first.exit_code, first.stdout) == (0, "")
    assert "Another administrator has to confirm it before" in first.stderr
    refused(run(*words, "--as", "Bob@Example.org"), "You asked for this release yourself")
    second = run(*words, "--as", "carol@example.org", "--json")
    assert json.loads(second.stdout)["release"]["state"] == "confirmed"
    quarantine.runner.run(quarantine.line.job_of(document))
    assert quarantine.line.state(document) is State.RELEASED
    vias = [detail.get("via") for _, _, detail in quarantine.trail(document)]
    # Asked for, refused to the same one, confirmed.
    assert vias.count("cli") == 3
    assert "release released" in run("list", "--state", "released").stdout
    assert f"asked by bob@example.org at {first_day(quarantine)}" in run("show", document.id).stdout


def first_day(quarantine: Quarantine) -> str:
    return quarantine.line.now.strftime("%Y-%m-%dT")


def test_only_administrators_act(quarantine: Quarantine, run: Run, tmp_path: Path) -> None:
    """Not nobody, not a user, not one who was locked out, not an address that is none."""
    document, line = quarantine.refused(), quarantine.line
    carol = quarantine.carol.user_id
    line.records.write(lambda work: work.accounts.set_disabled(carol, line.now))
    target = tmp_path / "sample.zip"
    acts = [
        ("release", document.id, "--sha256", DIGEST, "--reason", WHY),
        ("delete", document.id),
        ("sample", document.id, "-o", str(target)),
    ]
    for words in acts:
        assert run(*words).exit_code == 2
        for email in ("ann@example.org", "carol@example.org"):
            refused(run(*words, "--as", email), "is no administrator who can sign in")
        refused(run(*words, "--as", "nobody@example.org"), "There is no user")
    assert not target.exists()
    assert line.state(document) is State.INFECTED


def test_a_sample_is_written_whole_or_not_at_all(
    quarantine: Quarantine, run: Run, tmp_path: Path
) -> None:
    """For the user alone; over nothing; and who took it is on record only where it was taken."""
    document, target = quarantine.refused(), tmp_path / "sample.zip"
    words = ("sample", document.id, "--as", "bob@example.org", "-o", str(target))
    taken = run(*words)
    assert (taken.exit_code, taken.stdout) == (0, "")
    assert "infected" in taken.stderr
    assert target.stat().st_mode & 0o777 == 0o600
    assert unsealed(target.read_bytes()) == {f"{DIGEST}.bin": TEXT}
    before = len(quarantine.trail(document))
    refused(run(*words), "File exists")
    assert len(quarantine.trail(document)) == before
    target.unlink()
    quarantine.swap(document, b"X" + TEXT[1:])
    broken = run(*words)
    assert broken.exit_code == 1
    assert "cannot be used" in broken.stderr
    assert not target.exists()


def test_a_file_is_deleted_by_command(quarantine: Quarantine, run: Run) -> None:
    document, clean = quarantine.refused(), quarantine.refused(outcome=Outcome.CLEAN)
    for _ in range(2):
        assert run("delete", document.id, "--as", "bob@example.org").exit_code == 0
    assert quarantine.line.state(document) is State.DELETED
    refused(run("delete", clean.id, "--as", "bob@example.org"), "There is nothing here")
    assert quarantine.line.state(clean) is State.CLEAN


def test_the_command_is_one_of_the_programs() -> None:
    helped = CliRunner().invoke(main, ["quarantine", "--help"])
    for verb in ("list", "show", "release", "delete", "sample"):
        assert verb in helped.stdout
