"""The whole app within the test's own process, and a program with a key that asks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from tests.support.sqlite import migrated_sqlite
from uploads.app import create_app
from uploads.config import Settings
from uploads.documents.model import Scope
from uploads.wiring import Services, build


def services_at(folder: Path, redis_url: str, **given: Any) -> Services:
    """With a store that nobody has tried and that cannot be reached: to sign for it needs none."""
    settings = Settings(
        data=folder,
        database_url=migrated_sqlite(folder / "app.db"),
        redis_url=redis_url,
        s3_endpoint="http://127.0.0.1:9",
        s3_access_key="x",
        s3_secret_key="x",
        secret_key="s" * 32,
        clamd="off",
        **given,
    )
    return build(settings)


class Program(FlaskClient):
    """Knows the service under its own name."""

    def open(self, *arguments: Any, **more: Any) -> Any:
        return super().open(*arguments, base_url="http://127.0.0.1:8000", **more)


def program(services: Services) -> FlaskClient:
    """Of a user of its own, with a key that may read and write documents."""
    user = services.accounts.create_user("ann@example.org", "a long password of ann")
    scopes = {Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE}
    _, key = services.accounts.create_key(user.id, "tests", scopes)
    app = create_app(services)
    app.test_client_class = Program
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client
