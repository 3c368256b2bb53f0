"""/metrics of the running service: everything that is documented, after what people really do."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import plain, samples
from tests.support.headers import assert_secure
from tests.support.people import PATIENCE, Person
from tests.support.receiver import receiving
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.app import create_app
from uploads.metrics import METRICS, Kind
from uploads.requests_counted import METHODS

NAME = "a very private name.txt"
# What a service without trouble may never have to count, and what this scanner does not say.
SILENT = {
    "uploads_cell_failures_total",
    "uploads_grants_refused_total",
    "uploads_job_deferrals_total",
    "uploads_job_failures_total",
    "uploads_signature_age_seconds",
    "uploads_storage_errors_total",
}


def scraped(stack: Stack) -> dict[str, list[Any]]:
    """Every sample by the name of its metric, as a scrape gives them."""
    answer = plain.get(f"{stack.base_url}/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert_secure(answer)
    families = text_string_to_metric_families(answer.text)
    ending = {"counter": "_total"}
    return {one.name + ending.get(one.type, ""): list(one.samples) for one in families}


def value(stack: Stack, sample: str, **labels: str) -> float:
    """What all samples of this name and these labels add up to."""
    return float(
        sum(
            one.value
            for found in scraped(stack).values()
            for one in found
            if one.name == sample and labels.items() <= one.labels.items()
        )
    )


def counted(stack: Stack, sample: str, least: int, **labels: str) -> None:
    """Wait until so many have been counted."""
    eventually(lambda: value(stack, sample, **labels) >= least, PATIENCE)


def test_every_metric_that_is_documented_is_there(stack: Stack, alice: Person) -> None:
    """After uploads, a virus, a refusal, a download and a webhook: each name, with numbers."""
    before = {state: value(stack, "uploads_settled_total", state=state) for state in STATES}
    with receiving() as receiver:
        hook = alice.api.post("/webhooks", json={"url": receiver.url}).json()
        document = alice.settle(alice.upload(NAME, b"nobody's business\n" * 100))
        assert alice.settle(alice.upload("virus.txt", samples.eicar()))["state"] == "infected"
        alice.settle(alice.upload("picture.png", samples.png()))
        assert alice.post("wrong.png", b"no picture").status_code == 415
        alice.content(document["id"])
        eventually(lambda: len(receiver.calls) >= 3, PATIENCE)
        assert alice.api.delete(f"/webhooks/{hook['id']}").status_code == 204
    eventually(lambda: set(METRIC_NAMES) - SILENT <= with_numbers(stack), PATIENCE)
    found = scraped(stack)
    assert list(found) == METRIC_NAMES
    for state, earlier in before.items():
        assert value(stack, "uploads_settled_total", state=state) > earlier
    # Answers and calls are counted when they are over, a moment after whoever was waiting has them.
    posts = {"route": "/api/v1/documents", "method": "POST"}
    counted(stack, "uploads_http_request_seconds_count", 3, **posts, status="2xx")
    counted(stack, "uploads_http_request_seconds_count", 1, **posts, status="4xx")
    counted(stack, "uploads_webhook_calls_total", 3, outcome="delivered")
    assert value(stack, "uploads_http_received_bytes_total", door="api") > 1800
    assert value(stack, "uploads_http_sent_bytes_total", door="api") > 0
    assert value(stack, "uploads_problems_total", code="type-mismatch") > 0
    for engine in ("structure", "yara", "clamav"):
        assert value(stack, "uploads_inspection_seconds_count", engine=engine) >= 3
        assert value(stack, "uploads_engine_proved", engine=engine) == 1
    assert value(stack, "uploads_scheduled_total", task="uploads.sweep") > 0
    assert value(stack, "uploads_database_up") == 1


STATES = ("clean", "infected")
METRIC_NAMES = [metric.name for metric in METRICS]


def with_numbers(stack: Stack) -> set[str]:
    return {name for name, found in scraped(stack).items() if found}


def test_nothing_of_users_is_in_a_scrape(stack: Stack, alice: Person) -> None:
    """Labels have few values, and what clients write becomes none of them."""
    document_id = alice.upload(NAME, b"some text")
    alice.settle(document_id)
    for path in (f"/documents/{document_id}", "/nowhere-qzqx", "/api/v1/nowhere-qzqx?q=qzqx"):
        plain.request("BREWQZQX", stack.base_url + path, headers={"Host": "host-qzqx"})
        plain.get(stack.base_url + path)
    text = plain.get(f"{stack.base_url}/metrics").text
    # Letters alone: four digits stand in some figure or other by chance.
    for private in ("qzqx", document_id, alice.email, alice.key, NAME, str(stack.data)):
        assert private.lower() not in text.lower()
    everything = scraped(stack)
    # All of them are few enough (`unit/test_metrics.py`), whichever were asked before.
    asked = [one.labels for one in everything.pop("uploads_http_request_seconds")]
    rules = {one.rule for one in create_app(stack.services()).url_map.iter_rules()}
    assert "none" in {one["route"] for one in asked} <= rules | {"none"}
    assert {one["method"] for one in asked} <= METHODS | {"other"}
    assert {one["status"] for one in asked} <= {f"{first}xx" for first in range(1, 6)}
    for name, found in everything.items():
        kind = next(metric.kind for metric in METRICS if metric.name == name)
        series = {tuple(one.labels.items()) for one in found}
        assert len(series) < (2000 if kind is Kind.HISTOGRAM else 60), name


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_metrics_are_for_the_inside_alone(stack: Stack, name: str) -> None:
    """Neither through a proxy, nor on the host of what users uploaded."""
    forwarded = plain.get(f"{stack.base_url}/metrics", headers={name: "127.0.0.1"})
    elsewhere = plain.get(f"{stack.content_url}/metrics")
    for answer in (forwarded, elsewhere):
        assert answer.status_code == 404
        assert "uploads_" not in answer.text


def test_uploads_under_way_are_counted_until_their_end(stack: Stack, alice: Person) -> None:
    """Also of a client that left in the middle."""
    eventually(lambda: not value(stack, "uploads_under_way"), PATIENCE)
    seen = []

    def slow() -> Any:
        yield b"the first line\n"
        eventually(lambda: value(stack, "uploads_under_way") == 1, PATIENCE)
        seen.append(True)
        yield b"the last line\n"

    headers = {"Content-Type": "text/plain", "Content-Disposition": 'attachment; filename="a.txt"'}
    answer = alice.api.post("/documents", content=slow(), headers=headers)
    assert (answer.status_code, seen) == (202, [True]), answer.text
    eventually(lambda: not value(stack, "uploads_under_way"), PATIENCE)
