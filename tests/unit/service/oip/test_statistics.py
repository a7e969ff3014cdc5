"""Triton's statistics out of the service's metrics."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

from service import metrics
from service.catalogue import ModelVersion
from service.oip import statistics
from tests.unit.service import bodies
from tests.unit.service.oip.requests import pictures, plain, tensor
from tests.unit.service.site import Site
from tests.unit.service.tiny_engine import PROBED

ZERO = {"count": 0, "ns": 0}
STAGES = ("queue", "compute_input", "compute_infer", "compute_output")


def duration(count: int, ns: int) -> dict[str, int]:
    return {"count": count, "ns": ns}


def test_a_version_that_nobody_has_asked() -> None:
    assert statistics.read([ModelVersion("unasked", 7, "available")]) == {
        "model_stats": [
            {
                "name": "unasked",
                "version": "7",
                "last_inference": 0,
                "inference_count": 0,
                "execution_count": 0,
                "inference_stats": dict.fromkeys(("success", "fail", *STAGES), ZERO),
                "batch_stats": [],
            }
        ]
    }


def test_every_number_has_its_metric() -> None:
    of = ("measured", "3")
    for stage, seconds in (
        ("read", 0.001),
        ("decode", 0.002),
        ("queue", 0.004),
        ("inference", 0.008),
        ("write", 0.016),
    ):
        for _ in range(2):
            metrics.STAGE_SECONDS.labels(*of, stage).observe(seconds)
    metrics.PREDICTIONS.labels(*of, "4").inc(30)
    metrics.PREDICTIONS.labels(*of, "5").inc(12)
    for _ in range(5):
        metrics.BATCH_SECONDS.labels(*of).observe(0.5)
    metrics.RUN_SECONDS.labels(*of, "saliency").observe(0.25)
    metrics.RUN_SECONDS.labels(*of, "filters").observe(0.125)
    metrics.FAILED_SECONDS.labels(*of).observe(3.5)
    metrics.LAST_INFERENCE.labels(*of).set(1700000000.1234)
    metrics.PREDICTIONS.labels("measured", "4", "4").inc(1000)
    assert statistics.read([ModelVersion("measured", 3, "available")])["model_stats"] == [
        {
            "name": "measured",
            "version": "3",
            "last_inference": 1700000000123,
            "inference_count": 44,
            "execution_count": 7,
            "inference_stats": {
                "success": duration(4, 437_000_000),
                "fail": duration(1, 3_500_000_000),
                "queue": duration(2, 8_000_000),
                "compute_input": duration(2, 4_000_000),
                "compute_infer": duration(4, 391_000_000),
                "compute_output": duration(2, 32_000_000),
            },
            "batch_stats": [],
        }
    ]


def read(site: Site, path: str) -> list[dict[str, Any]]:
    answer = site.over_flask(path, method="GET")
    assert answer.status == 200
    found: list[dict[str, Any]] = orjson.loads(answer.body)["model_stats"]
    return found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/models/stats", [("arrays", "1"), ("cnn", "1"), ("cnn", "3"), ("letters", "1")]),
        ("/v2/models/cnn/stats", [("cnn", "1"), ("cnn", "3")]),
        ("/v2/models/cnn/versions/3/stats", [("cnn", "3")]),
        ("/v2/models/coming/stats", []),
    ],
)
def test_whose_they_are(site: Site, path: str, expected: list[tuple[str, str]]) -> None:
    assert [(item["name"], item["version"]) for item in read(site, path)] == expected


def test_requests_are_counted_whichever_way_they_come(site: Site) -> None:
    digit = bodies.digit()
    path = "/v2/models/letters/versions/1/stats"
    (before,) = read(site, path)
    started_ms = time.time() * 1000
    body = plain(pictures(digit[None].repeat(3, axis=0)))
    for carrier in (site.over_flask, site.over_lane):
        assert carrier("/v2/models/letters/infer", body).status == 200
        assert carrier("/predict?model=letters", bodies.png(digit), content_type=bodies.PNG).status == 200
    (after,) = read(site, path)
    assert after["inference_count"] - before["inference_count"] == 8
    for name in ("success", *STAGES):
        assert after["inference_stats"][name]["count"] - before["inference_stats"][name]["count"] == 4, name
    assert after["inference_stats"]["compute_infer"]["ns"] > before["inference_stats"]["compute_infer"]["ns"]
    assert after["inference_stats"]["fail"] == before["inference_stats"]["fail"]
    assert after["last_inference"] >= int(started_ms)


def test_a_run_is_an_inference_too(site: Site) -> None:
    metrics.LAST_INFERENCE.labels("letters", "1").set(0)
    inputs = (pictures(bodies.digit()[None]), tensor("classes", "INT32", [1], [3]))
    body = plain(*inputs, parameters={"signature_name": "saliency"})
    assert site.over_flask("/v2/models/letters/infer", body).status == 200
    assert read(site, "/v2/models/letters/stats")[0]["last_inference"] > 0


def test_what_the_engine_refuses_is_a_failure(own_site: Site) -> None:
    path = "/v2/models/cnn/versions/1/stats"
    own_site.engine.serve(PROBED, push=True)
    own_site.wait_until(lambda: own_site.client.catalogue.versions == (PROBED,))
    own_site.engine.refusal = ("queue_full", "because")
    (before,) = read(own_site, path)
    assert own_site.over_flask("/v2/models/cnn/infer", plain(pictures(bodies.digit()[None]))).status == 429
    (after,) = read(own_site, path)
    assert after["inference_stats"]["fail"]["count"] - before["inference_stats"]["fail"]["count"] == 1
    assert after["inference_stats"]["success"] == before["inference_stats"]["success"]
