"""Production without virus scanner and cell: it runs, says so, and publishes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import plain, samples
from tests.support.people import PATIENCE
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.storage.protocol import Bucket

pytestmark = pytest.mark.one_database

SCANNERLESS = {
    "UPLOADS_ENV": "production",
    "UPLOADS_WORKER_AS_ROOT": "yes",
    "UPLOADS_CLAMD": "off",
    "UPLOADS_CELL": "unconfined",
    "UPLOADS_OFFICE": "on",
}


class Unready(Stack):
    """A stack that runs, and never calls itself ready to a load balancer."""

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the stack ended while starting:\n{self.tail()}"
        return "Ready: " in self.log.read_text(errors="replace")


@pytest.fixture(scope="module")
def scannerless() -> Iterator[Stack]:
    made = Unready(SCANNERLESS)
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_it_runs_and_names_what_is_missing(scannerless: Stack) -> None:
    """The start says which part is unavailable; /readyz says the same with 503, /livez is well."""
    assert "virus_scanner is unavailable" in scannerless.log.read_text()

    def parts() -> dict[str, dict[str, str]]:
        answer = plain.get(f"{scannerless.base_url}/readyz")
        assert answer.status_code == 503
        found: dict[str, dict[str, str]] = answer.json()["parts"]
        return found

    def unfit() -> set[str]:
        return {name for name, part in parts().items() if part["status"] != "ok"}

    assert parts()["parser_cell"] == {"status": "degraded", "detail": "parser cell: unconfined"}
    # Each part has a second to answer, which it may miss once.
    eventually(lambda: unfit() == {"virus_scanner", "parser_cell", "office_previews"}, PATIENCE)
    reason = "office previews: off, for the parser cell is unconfined"
    eventually(lambda: parts()["office_previews"]["detail"] == reason, PATIENCE)
    assert plain.get(f"{scannerless.base_url}/livez").status_code == 200


def test_every_page_says_it(scannerless: Stack) -> None:
    """Who signs in sees it already."""
    page = plain.get(f"{scannerless.base_url}/sign-in").text
    assert "Parser cell: unconfined." in page
    assert "Virus scanner: not configured." in page
    wanted = {"Accept": "text/html"}
    elsewhere = plain.get(f"{scannerless.content_url}/links/none", headers=wanted).text
    assert "Parser cell: unconfined." in elsewhere


def test_nothing_is_published(scannerless: Stack) -> None:
    """What is harmless is taken, waits in quarantine for a scanner, and nobody can fetch it."""
    ann = scannerless.person("ann")
    document_id = ann.upload("report.pdf", samples.pdf())
    put_off = "clamav is required and did not speak"
    eventually(lambda: scannerless.log.read_text().count(put_off) >= 2, PATIENCE)
    eventually(lambda: ann.document(document_id)["state"] == "quarantined", PATIENCE)
    assert ann.api.get(f"/documents/{document_id}/content").status_code == 409
    assert not list(scannerless.services().storage.list(Bucket.CLEAN))
