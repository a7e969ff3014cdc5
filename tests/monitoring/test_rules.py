"""The rules are valid, each alert is tried both ways and has its entry in the runbook, and all they ask for exists."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from monitoring.dashboards import service as service_dashboard
from service import metrics
from tests.monitoring.material import (
    MONITORING,
    RULE_TESTS,
    RULES,
    alerts,
    metrics_in,
    panels,
    recorded,
    rules,
)
from tests.processes import ROOT

RUNBOOK = (ROOT / "docs" / "operations.md").read_text()
LONG = "objectives"
"""Days of budgets, which promtool needs seconds for."""


def run(promtool: str, *arguments: str | Path) -> None:
    ran = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def exported() -> set[str]:
    """All names under which the service's metrics appear in `/metrics`."""
    collectors = [found for found in vars(metrics).values() if isinstance(found, MetricWrapperBase)]
    families = [family for collector in collectors for family in collector.describe()]
    endings = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"], "summary": ["_sum"]}
    return {family.name + ending for family in families for ending in endings[family.type]}


def test_the_configuration_is_valid(promtool: str) -> None:
    run(promtool, "check", "config", MONITORING / "prometheus.yml")


def test_the_rules_are_valid_and_none_is_there_twice(promtool: str) -> None:
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", *sorted(RULES.glob("*.yml")))


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=path.stem, marks=pytest.mark.slow if path.stem == LONG else ()) for path in RULE_TESTS],
)
def test_the_rules_do_what_their_cases_say(promtool: str, path: Path) -> None:
    run(promtool, "test", "rules", path)


@cache
def cases() -> list[dict[str, Any]]:
    documents = [yaml.safe_load(path.read_text()) for path in RULE_TESTS]
    return [case for document in documents for test in document["tests"] for case in test.get("alert_rule_test", [])]


@pytest.mark.parametrize("alert", alerts())
def test_each_alert_has_a_case_that_fires_and_one_that_does_not(alert: str) -> None:
    fires = {bool(case.get("exp_alerts")) for case in cases() if case["alertname"] == alert}
    assert fires == {True, False}


@pytest.mark.parametrize("alert", alerts())
def test_each_alert_says_how_bad_it_is_what_it_is_and_where_to_read_on(alert: str) -> None:
    rule = alerts()[alert]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert {"summary", "description", "runbook_url"} == set(rule["annotations"])
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{alert.lower()}"


@pytest.mark.parametrize("alert", alerts())
def test_each_alert_has_an_entry_in_the_runbook(alert: str) -> None:
    entry = re.search(rf"^### {alert}\n(.*?)(?=^#|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert entry is not None
    for part in ("*What it means.*", "*How to see it.*", "*What to do.*"):
        assert part in entry[1]


def test_the_runbook_has_no_entry_for_an_alert_that_is_not_there() -> None:
    assert set(re.findall(r"^### (Digits\w+)$", RUNBOOK, re.MULTILINE)) == set(alerts())


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_nothing_that_is_not_there(rule: dict[str, Any]) -> None:
    assert metrics_in(rule["expr"]) <= exported()
    assert set(re.findall(r"[a-z_]+(?::[a-z0-9_]+)+", rule["expr"])) <= recorded()


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: f"{panel.dashboard}: {panel.title}")
def test_a_panel_asks_for_nothing_that_is_not_there(panel: Any) -> None:
    for expression in panel.expressions:
        assert metrics_in(expression) <= exported()
        assert set(re.findall(r"[a-z_]+(?::[a-z0-9_]+)+", expression)) <= recorded()


def test_the_latency_objective_is_the_same_wherever_it_stands() -> None:
    (limit,) = {rule["expr"] for rule in rules() if rule.get("record") == "digits:latency_objective:seconds"}
    bounds = {bound for rule in rules() for bound in re.findall(r'le="([^"]+)"', rule["expr"])}
    seconds = service_dashboard.OBJECTIVE_SECONDS
    assert (limit, bounds) == (f"vector({seconds})", {str(seconds)})
    assert seconds in metrics.LATENCY_BUCKETS_SECONDS


def test_every_rule_means_the_same_requests_by_predictions() -> None:
    routes = {route for rule in rules() for route in re.findall(r'route=~"[^"]+"', rule["expr"])}
    assert routes == {service_dashboard.INFERENCE}
