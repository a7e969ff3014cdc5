"""Triton's statistics extension, from the service's own metrics over all its processes.

Requests of every protocol count, since the service started; they are what `/metrics` says, in another form:

    success         all stages of predictions, and calls of other signatures
    fail            requests that the engine refused, or did not answer in time
    queue           waiting and travelling
    compute_input   taking apart and preparing pictures
    compute_infer   the model; calls of other signatures too
    compute_output  writing the answer
`batch_stats` is empty: time is not kept by batch size (`digits_batch_pictures` has how often each occurs).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from prometheus_client.samples import Sample

from service import metrics
from service.catalogue import ModelVersion

Json = dict[str, Any]
Key = tuple[str, str]

_NAMES: Final = (
    "digits_stage_seconds",
    "digits_run_seconds",
    "digits_batch_seconds",
    "digits_failed_seconds",
    "digits_predictions",
    "digits_last_inference_timestamp_seconds",
)
_STAGES: Final = {"queue": "queue", "decode": "compute_input", "inference": "compute_infer", "write": "compute_output"}


def read(versions: Iterable[ModelVersion]) -> Json:
    """The statistics of these versions, in their order. Reads the files of all processes: milliseconds."""
    totals = _totals(metrics.samples(_NAMES))
    return {"model_stats": [_statistics(version, totals[version.name, str(version.version)]) for version in versions]}


def _totals(samples: Iterable[Sample]) -> dict[Key, dict[str, float]]:
    """Sums by model version, under the sample's name and, of a stage, `name/stage`."""
    totals: dict[Key, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for sample in samples:
        if sample.name.endswith(("_bucket", "_created")):
            continue
        of = totals[sample.labels["model"], sample.labels["version"]]
        of[sample.name] += sample.value
        if "stage" in sample.labels:
            of[f"{sample.name}/{sample.labels['stage']}"] += sample.value
    return totals


def _statistics(version: ModelVersion, totals: dict[str, float]) -> Json:
    runs, run_seconds = totals["digits_run_seconds_count"], totals["digits_run_seconds_sum"]
    stages = {
        name: _duration(
            totals[f"digits_stage_seconds_count/{stage}"] + (runs if stage == "inference" else 0),
            totals[f"digits_stage_seconds_sum/{stage}"] + (run_seconds if stage == "inference" else 0),
        )
        for stage, name in _STAGES.items()
    }
    return {
        "name": version.name,
        "version": str(version.version),
        "last_inference": round(totals["digits_last_inference_timestamp_seconds"] * 1000),
        "inference_count": round(totals["digits_predictions_total"] + runs),
        "execution_count": round(totals["digits_batch_seconds_count"] + runs),
        "inference_stats": {
            "success": _duration(
                totals["digits_stage_seconds_count/inference"] + runs,
                totals["digits_stage_seconds_sum"] + run_seconds,
            ),
            "fail": _duration(totals["digits_failed_seconds_count"], totals["digits_failed_seconds_sum"]),
            **stages,
        },
        "batch_stats": [],
    }


def _duration(count: float, seconds: float) -> Json:
    return {"count": round(count), "ns": round(seconds * 1e9)}
