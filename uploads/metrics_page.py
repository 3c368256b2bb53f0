"""Writes docs/metrics.md out of the table of metrics: `python -m uploads.metrics_page`."""

from __future__ import annotations

import sys

from uploads.metrics import METRICS, Metric

_INTRODUCTION = """# Metrics

What the service counts, for Prometheus. This page is generated from `uploads/metrics.py` by `make
docs`; a test fails when it is out of date, and another one when a name below is missing from a
scrape of the running service. `infra/prometheus/` has a scrape configuration and alert rules,
`infra/grafana/` a dashboard; what to do about an alert is in
[operations.md](operations.md#alerts).

**Where.** `/metrics` of the web service, on 127.0.0.1 and for `UPLOADS_INTERNAL_NETS`, judged by
the socket's peer; a request with any forwarding header is 404, nginx answers 404 on every host,
and so does the content host. With `UPLOADS_METRICS_TOKEN` that token is needed as well
(`Authorization: Bearer …`). Where Prometheus is in another container or on another machine,
`UPLOADS_WEB_METRICS_LISTEN` is an address that answers `/metrics` alone, for the token alone.

**How.** Every process counts in files of its own below `UPLOADS_METRICS_DIR`, and a scrape adds
them up. So on one machine `/metrics` shows all: web processes, workers, courier and clock. Where
workers run elsewhere (containers), `UPLOADS_METRICS_LISTEN` has worker, courier and clock show
theirs at `/metrics` of an address of their own, for the token alone. Put the folder in memory
(tmpfs) where there is a choice. Counters begin at 0 when the first process of a machine starts. A
process that
is killed loses nothing that it had counted; the next one goes on in its files, so there are as
many files as processes.

**What is read** is looked up in the database by the web service when it is scraped, at most every
five seconds. With several web services each shows the same: take `max`, not `sum`.

No label holds a name, an id, an address or anything else that a client wrote. A request costs a
few microseconds for all of this.

| Metric | Type | Labels | Meaning |
|---|---|---|---|
"""


def page() -> str:
    """The whole page as Markdown."""
    return _INTRODUCTION + "\n".join(map(_row, METRICS)) + "\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    kind = f"{metric.kind}, read" if metric.read else metric.kind
    return f"| `{metric.name}` | {kind} | {labels} | {metric.says} |"


if __name__ == "__main__":
    sys.stdout.write(page())
