"""Every panel, mark and variable of the dashboards has data, from the real service by way of the real Prometheus.

It is under mixed load while a version is published, another is refused, and the engine is killed.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.service_process import Service, started, total
from tests.monitoring.material import DASHBOARDS, Panel, panels
from tests.monitoring.mixed_load import Load, mixed_load
from tests.monitoring.prometheus_process import Prometheus, watching
from tests.monitoring.toy_models import IMAGES, NAME, PUBLISHED_LATER
from tests.processes import eventually, eventually_equal, run_python

pytestmark = pytest.mark.slow

PUBLISHED, BROKEN = str(PUBLISHED_LATER), "4"
VARIABLES = {"$model": ".*", "$version": ".*", "$interval": "30s"}
"""As Grafana fills them in with everything chosen; the interval is longer than a restart of the engine takes."""
LEAST_AND_MOST = {"percentunit": (0.0, 1.0), "s": (0.0, 120.0), "bytes": (1e6, 1e12), "reqps": (0.0, 1e5)}


@dataclass(frozen=True)
class Watched:
    """What has been going on, and the Prometheus that saw it."""

    prometheus: Prometheus
    since: float
    load: Load

    def values(self, expression: str) -> list[float]:
        return self.prometheus.values(filled_in(expression), self.since, time.time())


def filled_in(expression: str) -> str:
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression, expression
    return expression


@pytest.fixture(scope="module")
def watched(prometheus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    directory = tmp_path_factory.mktemp("monitoring")
    made = run_python(["-m", "tests.monitoring.toy_models", str(directory)])
    assert made.returncode == 0, made.stderr
    models, images = directory / "models", np.load(directory / IMAGES)
    with started(models, restart_backoff_seconds="0.1", batch_sizes="1,4,16,64,256") as service:
        service.wait_until_ready()
        host, port = service.address
        with watching(prometheus, f"{host}:{port}", directory) as seen, mixed_load(service, images) as load:
            since = time.time()
            eventually(lambda: load.statuses[200] > 100)
            eventually(lambda: seen.query("sum(digits_engine_restarts_total) == 0"))
            disturb(service, models, directory)
            yield Watched(seen, since, load)


def disturb(service: Service, models: Path, directory: Path) -> None:
    """Publish one version that is fine and one that is not, then kill the engine, and wait until all is as it was."""
    broken = models / NAME / f".{BROKEN}"
    shutil.copytree(models / NAME / "1", broken)
    (broken / "saved_model.pb").write_bytes(b"")
    broken.rename(models / NAME / BROKEN)
    (directory / "made" / NAME / PUBLISHED).rename(models / NAME / PUBLISHED)

    def state(version: str, state: str) -> float:
        return total(service.metrics(), "digits_model_state", version=version, state=state)

    eventually(lambda: state(PUBLISHED, "available") == 1 and state(BROKEN, "failed") == 1)
    killed = service.engine_pid
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: service.engine_pids and service.engine_pid != killed and service.is_ready())


def test_the_load_was_mixed(watched: Watched) -> None:
    eventually(lambda: {200, 400, 404, 422, 504} <= set(watched.load.statuses))


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: f"{panel.dashboard}: {panel.title}")
def test_a_panel_has_data_in_its_unit(watched: Watched, panel: Panel) -> None:
    for expression in panel.expressions:
        if panel.needs_gpu:
            watched.prometheus.query(filled_in(expression))  # it can be asked, at least
            continue
        values = eventually(lambda asked=expression: watched.values(asked))  # type: ignore[misc]
        if panel.document["type"] == "heatmap":
            assert any(values), expression  # counts in buckets: the unit is that of the bounds
            continue
        assert all(math.isfinite(value) for value in values), expression
        least, most = LEAST_AND_MOST.get(panel.unit, (0.0, math.inf))
        assert least <= min(values), expression
        assert max(values) <= most * 1.0001, expression


@pytest.mark.parametrize("name", DASHBOARDS)
def test_marks_and_variables_have_data(watched: Watched, name: str) -> None:
    for mark in DASHBOARDS[name]["annotations"]["list"]:
        assert eventually(lambda asked=mark["expr"]: watched.values(asked)), mark["name"]  # type: ignore[misc]
    queries = {
        variable["name"]: filled_in(variable["query"])
        for variable in DASHBOARDS[name]["templating"]["list"]
        if variable["type"] == "query"
    }
    # Which versions there are is seen at the next scrape, not when the service says that it is ready.
    eventually_equal(lambda: watched.prometheus.label_values(queries["model"]), [NAME])
    eventually_equal(lambda: sorted(watched.prometheus.label_values(queries["version"])), ["1", "2", PUBLISHED])


def test_every_rule_can_be_evaluated(watched: Watched) -> None:
    def states() -> list[tuple[str, str]]:
        groups = watched.prometheus.get("rules")["groups"]
        return [(rule["name"], rule["health"]) for group in groups for rule in group["rules"]]

    eventually(lambda: all(health != "unknown" for _, health in states()))
    assert not [name for name, health in states() if health != "ok"]


def test_what_was_done_is_what_is_seen(watched: Watched) -> None:
    """Data are not enough: the figures have to be those of what happened."""

    def now(expression: str) -> list[float]:
        return [float(series["value"][1]) for series in watched.prometheus.query(expression)]

    assert eventually(lambda: now("digits_engine_restarts_total == 1"))
    assert eventually(lambda: now(f'digits_model_state{{version="{BROKEN}", state="failed"}} == 1'))
    assert eventually(lambda: now('ALERTS{alertname="DigitsModelLoadFailed", version="4", alertstate="firing"}'))
    # What some panels take for zero while it is not there.
    for counted in (
        f'digits_model_load_failures_total{{version="{BROKEN}"}} >= 1',
        'digits_rejections_total{reason="blank_picture"} > 0',
        "sum(digits_judged_pictures_total) > 0",
        'digits_requests_total{route="/predict", status="504"} > 0',
    ):
        assert eventually(lambda asked=counted: now(asked)), counted  # type: ignore[misc]
    assert now('digits_model_label{model="toy", label="canary"} == 1')
    assert now("sum by (instance) (digits_queue_limit_pictures)") == [32768]
    assert max(watched.values("sum(rate(digits_shadow_pictures_total[30s]))")) > 0
    shares = now('sum by (model, version) (digits_model_validation_share_ratio{model="toy"})')
    assert shares == pytest.approx([1.0] * len(shares))
    assert now("min(digits_batch_rows_total - on (model, version) digits_batch_pictures_sum)")[0] >= 0
