"""The sweep: whom it wakes, and when it leaves that to hints which wait already."""

from __future__ import annotations

import pytest

from tests.support.line import TEXT, Line
from uploads.documents.events import NAMES
from uploads.documents.webhooks import Webhook

SENT = pytest.mark.parametrize(("waiting", "hinted"), [(0, 3), (2, 1), (3, 0), (9, 0)])


@SENT
def test_behind_a_backlog_no_job_is_hinted_twice(line: Line, waiting: int, hinted: int) -> None:
    """As many hints as jobs are there already: more of them would only keep workers from jobs."""
    oldest = line.job_of(line.accept(TEXT))
    for _ in range(2):
        line.accept(TEXT)
    line.hints.jobs.clear()
    line.new_sweeper(waiting=waiting).sweep()
    assert len(line.hints.jobs) == hinted
    assert line.hints.jobs[:1] == [oldest][:hinted]


@SENT
def test_while_nobody_calls_webhooks_no_more_hints_wait_than_webhooks(
    line: Line, waiting: int, hinted: int
) -> None:
    """The sweep of each five seconds would fill Redis with them, and stop everything else."""
    hooks = [
        Webhook(f"whk_{number}", line.actor.user_id, "https://a.example/", NAMES, (), line.now)
        for number in range(3)
    ]
    line.records.write(lambda work: [work.webhooks.add(hook, 10) for hook in hooks])
    line.runner.run(line.job_of(line.accept(TEXT)))
    line.hints.woken.clear()
    line.new_sweeper(visits_waiting=waiting).sweep()
    assert len(line.hints.woken) == hinted
