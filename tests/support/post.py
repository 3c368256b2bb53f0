"""The courier in miniature: a line with a webhook, and a receiver that answers as it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from tests.support.fakes import DeafHints
from tests.support.line import Line
from uploads.documents.events import NAMES
from uploads.documents.hooks import Webhooks
from uploads.documents.targets import Targets
from uploads.documents.webhooks import Delivery, Webhook
from uploads.security.sealing import Sealer
from workers.courier.visit import Courier

URL = "https://example.org/hook"


class Receiver:
    """In the place of a `Caller`: answers what the test says, and remembers."""

    def __init__(self) -> None:
        self.answer: Callable[[], int] = lambda: 204
        self.calls: list[tuple[dict[str, str], bytes]] = []

    def post(self, _url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.calls.append((dict(headers), body))
        return self.answer()


class Post:
    """A line with one webhook, and the courier for it."""

    def __init__(self, folder: Path) -> None:
        self.line = Line(folder)
        self.receiver = Receiver()
        self.sealer = Sealer(["k" * 32], "webhooks")
        self.hints = DeafHints()
        self.webhooks = Webhooks(
            records=self.line.records,
            hints=self.hints,
            clock=self.line.clock,
            new_id=self.line.new_id,
            new_secret=lambda: b"s" * 32,
            seal=self.sealer,
            targets=Targets(http=False, ports=[(443, 443)], networks=()),
            most=10,
        )
        self.hook, self.secret = self.webhooks.create(self.line.actor, URL, NAMES)
        self.courier = self.make(self.sealer)

    def make(self, sealer: Sealer, ending: Callable[[], bool] = lambda: False) -> Courier:
        return Courier(
            records=self.line.records,
            hints=self.hints,
            clock=self.line.clock,
            caller=self.receiver,  # type: ignore[arg-type]
            sealer=sealer,
            base_url="https://uploads.example.org",
            lease=timedelta(seconds=30),
            of_one_owner=1,
            ending=ending,
            jitter=lambda least, _: least,
        )

    def visit(self) -> None:
        self.courier.visit(self.hook.id)

    def told(self, count: int = 1) -> None:
        for _ in range(count):
            self.webhooks.test(self.line.actor, self.hook.id)

    def deliveries(self) -> list[Delivery]:
        return self.webhooks.deliveries(self.line.actor, self.hook.id, 200)[0]

    @property
    def delivery(self) -> Delivery:
        return self.deliveries()[0]

    def shown(self) -> Webhook:
        return self.webhooks.get(self.line.actor, self.hook.id)
