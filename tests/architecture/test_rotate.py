"""infra/compose/rotate: what is new, what is still taken, and that nothing else has changed."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.compose import Deployment
from uploads.config import Settings


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    made = Deployment(tmp_path)
    assert made.prepare().returncode == 0
    return made


def secrets(deployment: Deployment) -> dict[str, str]:
    return {file.name: file.read_text() for file in (deployment.folder / "secrets").iterdir()}


def done(deployment: Deployment, *words: str) -> str:
    run = deployment.rotate(*words)
    assert run.returncode == 0, run.stderr
    return run.stdout


def settings(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("secret-key", "secret-keys-old", "redis-url"):
        variable = f"UPLOADS_{name.upper().replace('-', '_')}_FILE"
        monkeypatch.setenv(variable, str(deployment.folder / "secrets" / name))
    return Settings.load(data=deployment.folder)


def test_two_secret_keys_live_until_the_earlier_one_is_forgotten(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And three, where the next change comes before that."""
    keys = [deployment.secret("secret-key")]
    for _ in range(2):
        assert "uploads db reseal" in done(deployment, "secret-key")
        keys.insert(0, deployment.secret("secret-key"))
        found = settings(deployment, monkeypatch)
        assert found.secret_key.get_secret_value() == keys[0]
        assert found.earlier_secret_keys == tuple(keys[1:])
    assert len(set(keys)) == 3
    assert deployment.prepare().returncode == 0
    assert settings(deployment, monkeypatch).earlier_secret_keys == tuple(keys[1:])
    done(deployment, "secret-key", "--finish")
    found = settings(deployment, monkeypatch)
    assert {found.secret_key.get_secret_value(), *found.earlier_secret_keys} == {keys[0]}
    assert not any(key in text for key in keys[1:] for text in secrets(deployment).values())


def test_redis_takes_two_passwords_until_then(deployment: Deployment) -> None:
    def taken() -> set[str]:
        (line,) = (
            line
            for line in deployment.secret("redis-acl").splitlines()
            if line.startswith("user uploads ")
        )
        return {word[1:] for word in line.split() if word.startswith("#")}

    first = deployment.secret("redis-password")
    done(deployment, "redis")
    second = deployment.secret("redis-password")
    assert f":{second}@" in deployment.secret("redis-url")
    assert taken() == {sha256(one.encode()).hexdigest() for one in (first, second)}
    done(deployment, "redis", "--finish")
    assert taken() == {sha256(second.encode()).hexdigest()}


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("secret-key", {"secret-key", "secret-key-old"}),
        ("redis", {"redis-password", "redis-password-old", "redis-url", "redis-acl"}),
        ("database", {"database-password", "database-url"}),
        ("postgres", {"postgres-password"}),
        (
            "store",
            {
                "s3-web-key",
                "s3-worker-key",
                "s3-bootstrap-key",
                "s3-bootstrap-keys",
                "s3-identities",
            },
        ),
        ("metrics", {"metrics-token"}),
        ("grafana", {"grafana-password"}),
    ],
)
def test_nothing_changes_but_what_was_meant(
    deployment: Deployment, what: str, changed: set[str]
) -> None:
    """And what there is to be done is said, without any secret in it."""
    before = secrets(deployment)
    said = done(deployment, what)
    after = secrets(deployment)
    assert {name for name in after if after[name] != before.get(name)} == changed
    assert "docker compose" in said
    assert not any(text.strip() in said for text in after.values())


@pytest.mark.parametrize(
    "words",
    [(), ("everything",), ("redis", "--finish"), ("store", "--finish"), ("redis", "--now")],
)
def test_what_it_does_not_know_it_does_not_touch(
    deployment: Deployment, words: tuple[str, ...]
) -> None:
    before = secrets(deployment)
    assert deployment.rotate(*words).returncode == 2
    assert secrets(deployment) == before


def test_nothing_is_taken_away_while_anything_is_broken(deployment: Deployment) -> None:
    """A secret that was cut off stops it first."""
    file = deployment.folder / "secrets" / "s3-web-key"
    file.chmod(0o600)
    file.write_text("0123")
    before = secrets(deployment)
    run = deployment.rotate("secret-key")
    assert (run.returncode, "s3-web-key is not whole" in run.stderr) == (2, True)
    assert secrets(deployment) == before


def test_without_a_deployment_it_makes_none(tmp_path: Path) -> None:
    made = Deployment(tmp_path)
    run = made.rotate("secret-key")
    assert (run.returncode, "run infra/compose/prepare first" in run.stderr) == (2, True)
    assert not made.folder.exists()
