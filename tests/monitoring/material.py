"""What `monitoring/` holds, read for tests: alerts and recorded series, and the panels of the committed dashboards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from tests.processes import ROOT

MONITORING = ROOT / "monitoring"
RULES = MONITORING / "rules"
RULE_TESTS = sorted((MONITORING / "tests").glob("*.yml"))
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((MONITORING / "grafana/dashboards").glob("*"))}
GPU = "digits_gpu_"
"""What is called so is exported only where there is a GPU."""


@dataclass(frozen=True)
class Panel:
    """A panel that asks something."""

    dashboard: str
    title: str
    unit: str
    document: dict[str, Any]

    @property
    def expressions(self) -> list[str]:
        return [target["expr"] for target in self.document["targets"]]

    @property
    def needs_gpu(self) -> bool:
        return any(GPU in expression for expression in self.expressions)


def read_yaml(path: str) -> Any:
    """A file of `monitoring/`."""
    return yaml.safe_load((MONITORING / path).read_text())


@cache
def rules() -> tuple[dict[str, Any], ...]:
    """Every recording and alerting rule, in order."""
    found = [rule for path in sorted(RULES.glob("*.yml")) for group in _groups(path.name) for rule in group["rules"]]
    return tuple(found)


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded() -> set[str]:
    return {rule["record"] for rule in rules() if "record" in rule}


def panels() -> list[Panel]:
    """Of all dashboards, those in folded rows too; rows themselves ask nothing."""
    return [
        Panel(name, panel["title"], _unit(panel), panel)
        for name, dashboard in DASHBOARDS.items()
        for panel in every_panel(dashboard)
        if panel["type"] != "row"
    ]


def every_panel(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def metrics_in(expression: str) -> set[str]:
    """The service's own metrics that an expression asks for; names of recorded series and of labels are left out."""
    without_recorded = re.sub(r"[a-z_]+(?::[a-z0-9_]+)+", "", re.sub(r'"[^"]*"', "", expression))
    return set(re.findall(r"\bdigits_[a-z_]+", without_recorded))


def _groups(name: str) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = read_yaml(f"rules/{name}")["groups"]
    return groups


def _unit(panel: dict[str, Any]) -> str:
    # A heat map has its unit on the axis along which values are spread.
    unit: str = (
        panel["options"]["yAxis"]["unit"] if panel["type"] == "heatmap" else panel["fieldConfig"]["defaults"]["unit"]
    )
    return unit
