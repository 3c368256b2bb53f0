"""./run-task: what it asks of AWS, what it prints, and the code that it ends with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from tests.support.terraform import SOURCES

KNOWN = """region eu-central-1
cluster uploads-test
subnets subnet-1,subnet-2
launch FARGATE
bootstrap uploads-test-bootstrap bootstrap sg-b
migrate uploads-test-bootstrap bootstrap sg-b
doctor uploads-test-worker worker sg-w
logs /uploads-test"""
TASK = "arn:aws:ecs:eu-central-1:123456789012:task/uploads-test/0123abcd"

# In the place of `aws`: notes its words, and answers what the test wrote down.
AWS = """import json, os, sys, pathlib
folder = pathlib.Path(os.environ["PLACE"])
with (folder / "asked").open("a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
answers = json.loads((folder / "answers").read_text())
answer = answers[sys.argv[2]].pop(0)
(folder / "answers").write_text(json.dumps(answers))
print(answer)
"""


def run(folder: Path, *words: str, code: str = "0", started: str = f"{TASK}\tNone") -> Any:
    for name, body in (
        ("aws", f'exec {sys.executable} {folder / "aws.py"} "$@"'),
        ("terraform", f"cat {folder / 'known'}"),
    ):
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    (folder / "aws.py").write_text(AWS)
    (folder / "known").write_text(KNOWN)
    answers = {
        "run-task": [started],
        "describe-tasks": ["PENDING\tNone\tNone", f"STOPPED\t{code}\tThe host went away"],
        "get-log-events": ["Schema: brought up to date."],
    }
    (folder / "answers").write_text(json.dumps(answers))
    env = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PLACE": str(folder),
        "RUN_TASK_PAUSE": "0",
    }
    return subprocess.run(
        [str(SOURCES / "run-task"), *words], env=env, capture_output=True, text=True
    )


def asked(folder: Path) -> dict[str, dict[str, str]]:
    """The options of each command that was given to AWS."""
    calls = [json.loads(line) for line in (folder / "asked").read_text().splitlines()]
    return {words[1]: dict(zip(words[2::2], words[3::2], strict=False)) for words in calls}


def test_the_bootstrap_does_what_its_definition_says(tmp_path: Path) -> None:
    done = run(tmp_path, "bootstrap")
    assert (done.returncode, done.stdout) == (0, "Schema: brought up to date.\n"), done.stderr
    begun = asked(tmp_path)["run-task"]
    assert begun["--task-definition"] == "uploads-test-bootstrap"
    assert begun["--overrides"] == "{}"
    assert begun["--network-configuration"] == (
        "awsvpcConfiguration={subnets=[subnet-1,subnet-2],securityGroups=[sg-b],"
        "assignPublicIp=DISABLED}"
    )
    read = asked(tmp_path)["get-log-events"]
    assert read["--log-group-name"] == "/uploads-test/bootstrap"
    assert read["--log-stream-name"] == "bootstrap/bootstrap/0123abcd"


@pytest.mark.parametrize(
    ("words", "container", "command"),
    [
        (["migrate"], "bootstrap", ["uploads", "db", "upgrade"]),
        (["doctor", "--json"], "worker", ["uploads", "doctor", "--json"]),
    ],
)
def test_another_verb_is_the_same_task_with_other_words(
    tmp_path: Path, words: list[str], container: str, command: list[str]
) -> None:
    assert run(tmp_path, *words).returncode == 0
    begun = asked(tmp_path)["run-task"]
    overrides = json.loads(begun["--overrides"])
    assert overrides == {"containerOverrides": [{"name": container, "command": command}]}
    assert begun["--task-definition"] == f"uploads-test-{container}"


@pytest.mark.parametrize(("code", "ending"), [("1", 1), ("2", 2), ("137", 137), ("None", 125)])
def test_it_ends_as_the_task_ended(tmp_path: Path, code: str, ending: int) -> None:
    """A failed migration is a failed command; so is a task that was taken away."""
    done = run(tmp_path, "migrate", code=code)
    assert done.returncode == ending
    assert ("The host went away" in done.stderr) is (code == "None")


def test_what_does_not_start_says_why(tmp_path: Path) -> None:
    done = run(tmp_path, "migrate", started="None\tRESOURCE:MEMORY")
    assert (done.returncode, "RESOURCE:MEMORY" in done.stderr) == (125, True)


@pytest.mark.parametrize("words", [[], ["erase"], ["bootstrap", "more"], ["doctor", '"},{"']])
def test_other_words_start_nothing(tmp_path: Path, words: list[str]) -> None:
    assert run(tmp_path, *words).returncode == 2
    assert not (tmp_path / "asked").exists()


def test_every_option_is_one_that_the_api_has() -> None:
    """As botocore knows the calls: `--task-definition` is `taskDefinition`."""
    text = (SOURCES / "run-task").read_text()
    session = botocore.session.get_session()
    for service, name in re.findall(r"\baws (\w+) ([\w-]+) ", text):
        shape = session.get_service_model(service).operation_model(
            "".join(part.title() for part in name.split("-"))
        )
        known = {member.lower() for member in shape.input_shape.members}
        (call,) = re.findall(rf"aws {service} {name} (.*?--query)", text, re.S)
        options = set(re.findall(r"--([\w-]+)", call)) - {"region", "query", "start-from-head"}
        assert {one.replace("-", "") for one in options} <= known
