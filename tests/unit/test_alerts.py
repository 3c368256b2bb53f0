"""What is shipped for Prometheus and Grafana: it is well formed, and speaks of what exists."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from uploads.metrics import METRICS, Kind

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "infra/prometheus"
GRAFANA = ROOT / "infra/grafana"
RULES = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((GRAFANA / "dashboards/uploads.json").read_text())
KNOWN = {metric.name: metric for metric in METRICS}
# What Prometheus itself adds to each sample.
GIVEN = {"instance", "job"}


def promtool(*words: str | Path) -> str:
    """What promtool says; a failure of it is ours."""
    try:
        run = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        pytest.fail("promtool is missing: install Debian's package prometheus")
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def queries() -> Iterator[tuple[str, str]]:
    """Every expression that is shipped, with where it stands."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m")


def sample_names(name: str) -> set[str]:
    """The names under which a metric's numbers come."""
    if KNOWN[name].kind is Kind.HISTOGRAM:
        return {f"{name}_{ending}" for ending in ("bucket", "sum", "count")}
    return {name}


def test_the_rules_hold_on_good_days_and_bad_ones() -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", PROMETHEUS / "alerts.yml")
    assert "SUCCESS" in promtool("test", "rules", PROMETHEUS / "alerts.test.yml")


def test_the_scrape_configuration_is_one(tmp_path: Path) -> None:
    for name in ("prometheus.yml", "alerts.yml"):
        (tmp_path / name).write_text((PROMETHEUS / name).read_text())
    (tmp_path / "metrics-token").write_text("secret")
    assert "SUCCESS" in promtool("check", "config", tmp_path / "prometheus.yml")


def test_every_query_of_the_dashboard_can_be_read(tmp_path: Path) -> None:
    """By Prometheus' own parser, as rules of a file."""
    rules = [
        {"record": f"query:{number}", "expr": expression}
        for number, (_, expression) in enumerate(queries())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", file)


@pytest.mark.parametrize(("where", "expression"), list(queries()))
def test_queries_name_what_there_is(where: str, expression: str) -> None:
    """Each name is that of a sample of ours, each label one that it has."""
    samples = {sample: KNOWN[name] for name in KNOWN for sample in sample_names(name)}
    named = set(re.findall(r"\buploads_[a-z_]+", expression))
    assert named <= set(samples), where
    labels = {"le", *GIVEN}.union(*(samples[name].labels for name in named))
    grouped = re.findall(r"\bby \(([^)]*)\)", expression)
    selected = re.findall(r"(?<=[{,])\s*([a-z_]+)\s*(?==~|!~|=|!=)", expression)
    used = {label.strip() for group in grouped for label in group.split(",")} | set(selected)
    assert used <= labels, where


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(
        target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())
    )
    assert [name for name in KNOWN if name not in shown] == []


def test_each_alert_is_tried_in_good_and_in_bad_times() -> None:
    tries: list[dict[str, Any]] = [
        one
        for test in yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text())["tests"]
        for one in test["alert_rule_test"]
    ]
    names = {rule["alert"] for rule in RULES}
    assert {one["alertname"] for one in tries if one["exp_alerts"]} == names
    assert {one["alertname"] for one in tries if not one["exp_alerts"]} == names


def test_each_alert_has_a_section_in_the_operations_book() -> None:
    """And each section there its alert."""
    book = (ROOT / "docs/operations.md").read_text()
    alerts = book.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    sections = re.findall(r"^### (\w+)$", alerts, re.MULTILINE)
    assert sections == [rule["alert"] for rule in RULES]
    for rule in RULES:
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_grafana_finds_its_source_and_its_dashboard() -> None:
    folder = GRAFANA / "provisioning"
    source = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"][0]
    asked = {
        target["datasource"]["uid"]
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", ())
    }
    assert asked == {source["uid"]}
    provider = yaml.safe_load((folder / "dashboards/uploads.yml").read_text())["providers"][0]
    assert provider["type"] == "file"
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_operators_on_aws_are_told_what_to_do_at_each_alarm() -> None:
    """By the endings of the names, where one alarm is made for each host, service or node."""
    aws = ROOT / "infra/terraform"
    alarms = (aws / "modules/observability/main.tf").read_text()
    named = re.findall(r'"\$\{(?:host|service|node)\}(-\w+)" =>', alarms)
    single = re.findall(r"^      ([\w-]+) = \{$", alarms, re.MULTILINE)
    assert {"-gone", "-5xx"} <= set(named)
    assert {"backlog", "database-disk"} <= set(single)
    section = (aws / "README.md").read_text().split("## When an alarm comes")[1].split("\n## ")[0]
    told = re.findall(r"^\| `([\w-]+)`", section, re.MULTILINE)
    assert set(single) <= set(told)
    for ending in named:
        assert any(one.endswith(ending) for one in told), ending
