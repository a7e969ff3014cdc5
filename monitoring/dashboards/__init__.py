"""Grafana's dashboards as code: `python -m monitoring.dashboards` writes the JSON that Grafana is given."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import RowPanel

from monitoring.dashboards import models, service

DIRECTORY = Path(__file__).resolve().parent.parent / "grafana" / "dashboards"

DASHBOARDS: dict[str, Callable[[], Dashboard]] = {"service": service.dashboard, "models": models.dashboard}
"""By the file's name, without `.json`."""


def as_json(dashboard: Dashboard) -> str:
    """What Grafana reads; the same dashboard always gives the same text."""
    built = dashboard.build()
    numbers = count(1)
    for panel in built.panels or []:
        for one in (panel, *(panel.panels if isinstance(panel, RowPanel) else ())):
            one.id_val = next(numbers)  # what links to a single panel go by
    return JSONEncoder(sort_keys=True, indent=2).encode(built) + "\n"
