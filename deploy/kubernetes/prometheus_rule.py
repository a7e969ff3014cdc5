"""The rules of `monitoring/rules` as the resource that Prometheus' operator takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

RULES: Final = Path(__file__).resolve().parents[2] / "monitoring" / "rules"
PATH: Final = Path(__file__).resolve().parent / "components" / "monitoring" / "prometheus-rule.yaml"
HEAD: Final = "# Made from monitoring/rules by `python -m deploy.kubernetes`; change it there.\n"


def resource() -> dict[str, Any]:
    """The PrometheusRule: all groups of all files, in the order of the files' names."""
    groups = [group for path in sorted(RULES.glob("*.yml")) for group in yaml.safe_load(path.read_text())["groups"]]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "digits", "labels": {"app.kubernetes.io/name": "digits"}},
        "spec": {"groups": groups},
    }


def as_yaml() -> str:
    """The file's text."""
    return HEAD + yaml.safe_dump(resource(), sort_keys=False, width=120, allow_unicode=True)
