"""The page's reckoning, run in the browser and held against the same done another way."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from service.page.files import stamp

pytestmark = pytest.mark.slow


def run(page: Page, module: str, body: str, argument: object = None) -> Any:
    """The value of a function's `body`, which has the module as `it` and `argument`."""
    return page.evaluate(
        f"async (argument) => {{ const it = await import('./page/{stamp()}/js/{module}'); {body} }}", argument
    )


def measured(rows: list[dict[str, Any]], side: int, unit: int) -> list[int]:
    """Which pixels of one axis reach a unit of the last layer: 1s sent through all layers, backwards."""
    sizes = [side, *(row["output_shape"][0] for row in rows)]
    reached = {unit}
    for row, size in zip(reversed(rows), reversed(sizes[:-1]), strict=True):
        kernel, stride = row["kernel"][0], row["stride"][0]
        out = row["output_shape"][0]
        pad = max(0, (out - 1) * stride + kernel - size) // 2 if row["padding"] == "same" else 0
        reached = {
            place
            for index in reached
            for place in range(index * stride - pad, index * stride - pad + kernel)
            if 0 <= place < size
        }
    return sorted(reached)


@pytest.mark.parametrize(
    "layers",
    [
        [(4, 2, "valid"), (3, 1, "valid"), (3, 2, "valid"), (3, 1, "valid")],
        [(3, 1, "same"), (2, 2, "valid"), (3, 1, "same"), (2, 2, "valid")],
        [(5, 2, "same"), (3, 2, "same")],
    ],
)
def test_receptive_fields(page: Page, layers: list[tuple[int, int, str]]) -> None:
    rows: list[dict[str, Any]] = []
    size, field, jump = 28, 1, 1
    for number, (kernel, stride, padding) in enumerate(layers):
        size = -(-size // stride) if padding == "same" else (size - kernel) // stride + 1
        field, jump = field + (kernel - 1) * jump, jump * stride
        shape = [size, size, 8]
        rows.append(
            {
                "name": f"layer{number}", "output_shape": shape, "receptive_field": field,
                "kernel": [kernel, kernel], "stride": [stride, stride], "padding": padding,
            }
        )  # fmt: skip
    for depth in range(1, len(rows) + 1):
        last = rows[depth - 1]["output_shape"][0] - 1
        for unit in {0, last // 2, last}:
            body = """const fields = it.receptiveFields(argument.rows, 28);
                return it.seenBy(fields.get(argument.rows.at(-1).name), argument.unit, argument.unit, 28);"""
            box = run(page, "receptive.js", body, {"rows": rows[:depth], "unit": unit})
            reached = measured(rows[:depth], 28, unit)
            assert (box["left"], box["left"] + box["width"]) == (reached[0], reached[-1] + 1)
            assert (box["top"], box["height"]) == (box["left"], box["width"])


def test_metrics_are_read_as_prometheus_writes_them(page: Page) -> None:
    registry = CollectorRegistry()
    counter = Counter("asked", "Requests.", ["route"], registry=registry)
    counter.labels('/odd"\\\n').inc(3)
    counter.labels("/predict").inc(4)
    text = generate_latest(registry).decode()
    body = """const found = it.parseMetrics(argument);
        return [it.total(found, "asked_total"), found.get("asked_total").map(({ labels }) => labels.route)];"""
    assert run(page, "prometheus.js", body, text) == [7, ['/odd"\\\n', "/predict"]]


def test_quantiles_between_two_looks(page: Page) -> None:
    registry = CollectorRegistry()
    bounds = [0.01 * step for step in range(1, 101)]
    histogram = Histogram("seconds", "Time.", ["route"], buckets=bounds, registry=registry)
    rng = np.random.default_rng(3)
    for slow in rng.uniform(0.8, 1.0, 500):
        histogram.labels("/predict").observe(slow)
    before = generate_latest(registry).decode()
    observed = rng.beta(2, 6, 2000)
    for seconds in observed:
        histogram.labels("/predict").observe(seconds)
    body = """const [before, now] = argument.texts.map(it.parseMetrics);
        const buckets = it.between(before, now, "seconds", ({ route }) => route === "/predict");
        return [0.5, 0.95].map((share) => it.quantile(share, buckets));"""
    found = run(page, "prometheus.js", body, {"texts": [before, generate_latest(registry).decode()]})
    assert found == pytest.approx(np.quantile(observed, [0.5, 0.95]).tolist(), abs=0.01)


@pytest.mark.parametrize("shape", [(3, 4, 2), (5,), (1, 1)])
def test_arrays_are_read_as_numpy_writes_them(page: Page, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    file = io.BytesIO()
    np.save(file, array)
    body = """const { shape, data } = it.parseNpy(new Uint8Array(argument).buffer); return [shape, [...data]];"""
    found = run(page, "npy.js", body, list(file.getvalue()))
    assert tuple(found[0]) == shape
    assert found[1] == array.reshape(-1).tolist()


@pytest.mark.parametrize("live", [False, True])
def test_only_the_newest_question_is_answered(page: Page, live: bool) -> None:
    """Whatever order the answers come in."""
    body = """const heard = [], ends = {};
        const next = () => new Promise((done) => setTimeout(done));
        const asked = (signal, name) => new Promise((done) => { ends[name] = () => done(name); });
        const ask = it.latest(0, asked, (name) => heard.push(name), () => heard.push("failed"), { isLive: argument });
        for (const name of ["first", "second"]) {
            ask(name);
            while (!ends[name]) await next();
        }
        ends.second();
        ends.first();
        await next();
        return heard;"""
    assert run(page, "latest.js", body, live) == ["second"]


def test_one_who_writes_without_a_pause_is_answered_all_the_same(page: Page) -> None:
    """A question a moment, for as long as it takes to hear of one."""
    body = """let heard = 0;
        const ask = it.latest(20, async () => {}, () => heard++, () => {}, { isLive: true });
        for (let number = 0; heard < 3; number++) {
            ask(number);
            await new Promise((next) => setTimeout(next, 1));
        }
        return heard;"""
    assert run(page, "latest.js", body) >= 3


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0.0 %"), (0.0001, "<0.1 %"), (0.5, "50.0 %"), (0.9999, "99.9 %"), (1, "100.0 %")]
)
def test_shares_are_never_told_as_certain_unless_they_are(page: Page, share: float, words: str) -> None:
    told = run(page, "words.js", "return it.percent(argument);", share)
    assert told.replace("\u202f", " ") == words
