"""The committed dashboards are those of the code, and no panel leaves anything out."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

from monitoring.dashboards import DASHBOARDS as BUILDERS
from monitoring.dashboards import as_json
from tests.monitoring.material import DASHBOARDS, MONITORING, Panel, every_panel, panels, read_yaml

WIDTH = 24
BY_NAME = pytest.mark.parametrize("name", DASHBOARDS)
BY_PANEL = pytest.mark.parametrize("panel", panels(), ids=lambda panel: f"{panel.dashboard}: {panel.title}")


def test_both_dashboards_are_there_and_no_other() -> None:
    assert set(DASHBOARDS) == set(BUILDERS) == {"service", "models"}


@pytest.mark.parametrize("name", BUILDERS)
def test_the_committed_json_is_what_the_code_makes(name: str) -> None:
    committed = (MONITORING / "grafana" / "dashboards" / f"{name}.json").read_text()
    assert committed == as_json(BUILDERS[name]()), "run python -m monitoring.dashboards"


@BY_NAME
def test_every_panel_has_a_number_and_a_title_of_its_own(name: str) -> None:
    found = list(every_panel(DASHBOARDS[name]))
    assert len({panel["id"] for panel in found}) == len(found)
    assert len({panel["title"] for panel in found}) == len(found)


@BY_NAME
def test_a_row_comes_first_and_none_is_empty(name: str) -> None:
    kinds = [panel["type"] == "row" and not panel["panels"] for panel in DASHBOARDS[name]["panels"]]
    assert kinds[0]
    assert not kinds[-1]
    assert not any(one and other for one, other in pairwise(kinds))


@BY_NAME
def test_panels_fill_the_width_and_do_not_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in every_panel(DASHBOARDS[name]):
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    for y in {y for _, y in taken}:
        assert {x for x, row in taken if row == y} == set(range(WIDTH)), y


@BY_NAME
def test_the_variables_are_model_version_interval_and_source(name: str) -> None:
    variables = {variable["name"]: variable for variable in DASHBOARDS[name]["templating"]["list"]}
    assert set(variables) == {"datasource", "model", "version", "interval"}
    assert variables["version"]["query"] == 'label_values(digits_model_info{model=~"$model"}, version)'
    used = {
        word for panel in panels() for expression in panel.expressions for word in re.findall(r"\$(\w+)", expression)
    }
    assert used == {"model", "version", "interval"}


@BY_NAME
def test_restarts_and_deployments_are_marked(name: str) -> None:
    marks = [mark["expr"] for mark in DASHBOARDS[name]["annotations"]["list"]]
    assert any("digits_engine_restarts_total" in mark for mark in marks)
    assert any("digits_model_load_seconds_count" in mark for mark in marks)


@BY_PANEL
def test_a_panel_says_what_it_shows_and_asks_the_chosen_source(panel: Panel) -> None:
    assert panel.document["description"].endswith(".")
    assert panel.unit
    for asked in (panel.document, *panel.document["targets"]):
        assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert len({target["refId"] for target in panel.document["targets"]}) == len(panel.expressions)


@BY_PANEL
def test_a_unit_is_that_of_the_metrics(panel: Panel) -> None:
    """Seconds and bytes stand in a metric's name; what is divided by its like has no unit of its own."""
    for expression in panel.expressions:
        # A histogram's buckets hold counts, and so does `_count`; how they are spread along is told by the rest.
        names = set(re.findall(r"\b(?:digits|job)[a-z0-9_:]*", re.sub(r'"[^"]*"', "", expression)))
        seconds = any("_seconds" in name for name in names)
        size = any(name.endswith("_bytes") for name in names)
        busy = panel.title == "Device busy"  # seconds in a second
        assert (panel.unit == "s") == (seconds and not busy), expression
        assert (panel.unit == "bytes") == size, expression
        if panel.unit in {"reqps", "cps"}:
            assert "rate(" in expression


def test_grafana_is_given_the_source_that_the_dashboards_ask() -> None:
    (source,) = read_yaml("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert source["type"] == "prometheus"
    assert source["isDefault"]
    assert source["jsonData"]["timeInterval"] == read_yaml("prometheus.yml")["global"]["scrape_interval"]
    assert not source.keys() & {"password", "basicAuthPassword", "secureJsonData"}


def test_grafana_is_told_where_the_dashboards_lie() -> None:
    (provider,) = read_yaml("grafana/provisioning/dashboards/digits.yml")["providers"]
    options: dict[str, Any] = provider["options"]
    assert (provider["type"], options["path"]) == ("file", "/var/lib/grafana/dashboards")
    assert not provider["allowUiUpdates"]
