"""The dashboard *Service*: is it well? The golden signals first, then what explains them, from the outside in."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from monitoring.dashboards import processes
from monitoring.dashboards.frame import VERSIONS, frame
from monitoring.dashboards.panels import GREEN, RED, YELLOW, heat, lines, number
from monitoring.dashboards.promql import buckets, mean, per_second, quantile, share

INFERENCE = 'route=~"/predict|/read|/v1/.*:(predict|classify|regress)|/v2/.*/infer"'
"""What the objectives are about: the three protocols and rows of digits."""
QUANTILES = (("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99"))
OBJECTIVE_SECONDS = 0.1
"""As `digits:latency_objective:seconds` has it; a test compares the two."""
REQUESTS, REQUEST_SECONDS, STAGE_SECONDS = "digits_requests_total", "digits_request_seconds", "digits_stage_seconds"
PREDICTIONS = "digits_predictions_total"


def dashboard() -> Dashboard:
    """The dashboard, with all its panels."""
    built = frame("digits: service", "digits-service", "Is the service well? Golden signals first, then the reasons.")
    rows = (_glance, _golden, _stages, _objectives, _refusals, _versions)
    for add in (*rows, processes.add_batches, processes.add_processes, processes.add_gpu):
        add(built)
    return built


def _glance(to: Dashboard) -> None:
    failed = per_second(REQUESTS, INFERENCE + ', status=~"5.."')
    asked = per_second(REQUESTS, INFERENCE)
    to.with_row(Row("At a glance"))
    to.with_panel(
        number(
            "Services that answer",
            "Targets of Prometheus that answered the last scrape. Red: none does.",
            "short",
            'sum(up{job="digits"})',
            base=RED,
            steps=[(1, GREEN)],
        )
    ).with_panel(
        number(
            "Engines ready",
            "Engines from which every worker hears. Red: none, so predictions are answered 503.",
            "short",
            "sum(digits_engine_up)",
            base=RED,
            steps=[(1, GREEN)],
        )
    ).with_panel(number("Predictions asked", "Inference requests over all protocols.", "reqps", asked)).with_panel(
        number(
            "Failed",
            "Part of them answered 5xx. The objective allows 0.1 %.",
            "percentunit",
            share(f"({failed} or vector(0))", asked),
            steps=[(0.001, YELLOW), (0.01, RED)],
        )
    ).with_panel(
        number(
            "p99",
            "99 of 100 of them were answered within this time. The objective is 0.1 s.",
            "s",
            quantile("0.99", REQUEST_SECONDS, INFERENCE),
            steps=[(OBJECTIVE_SECONDS / 2, YELLOW), (OBJECTIVE_SECONDS, RED)],
        )
    ).with_panel(
        number(
            "Alerts firing",
            "How many alerts of the service fire now. docs/operations.md has an entry for each.",
            "short",
            'count(ALERTS{alertname=~"Digits.*", alertstate="firing"}) or vector(0)',
            steps=[(1, RED)],
        )
    )


def _golden(to: Dashboard) -> None:
    to.with_row(Row("Golden signals"))
    to.with_panel(
        lines(
            "Traffic: requests by route",
            "Everything that was answered, by the pattern of its address.",
            "reqps",
            (per_second(REQUESTS, by="route"), "{{route}}"),
            stacked=True,
        )
    ).with_panel(
        lines(
            "Errors: requests by status",
            "What was not answered 2xx. 4xx is the caller's, 429 and 5xx are ours, 499 hung up before its answer.",
            "reqps",
            (per_second(REQUESTS, 'status!~"2.."', "status"), "{{status}}"),
            stacked=True,
        )
    ).with_panel(
        lines(
            "Latency of predictions",
            "From the first byte of a request to the last of its answer. The line is the objective for p99.",
            "s",
            *((quantile(q, REQUEST_SECONDS, INFERENCE), name) for q, name in QUANTILES),
            steps=[(OBJECTIVE_SECONDS, RED)],
        )
    ).with_panel(
        lines(
            "Saturation: how full the queue is",
            "Pictures that wait for the engine as part of those that may. Full means 429.",
            "percentunit",
            ("job_instance:digits_queue:fill_ratio", "{{instance}}"),
            steps=[(0.8, RED)],
            most=1,
        )
    )


def _stages(to: Dashboard) -> None:
    what = "read: the body; decode: and prepare; queue: wait and travel; inference: the model; write: the answer."
    to.with_row(Row("Where the time goes"))
    for q, name in QUANTILES:
        to.with_panel(
            lines(f"Stages, {name}", what, "s", (quantile(q, STAGE_SECONDS, VERSIONS, "stage"), "{{stage}}"), width=8)
        )
    to.with_panel(
        lines(
            "Stages, mean",
            "What an average prediction spends in each stage; the stack is the whole.",
            "s",
            (mean(STAGE_SECONDS, VERSIONS, "stage"), "{{stage}}"),
            width=8,
            stacked=True,
        )
    ).with_panel(
        heat(
            "Latency of predictions, spread",
            "How many requests a second were this slow. Two bands mean two kinds of requests, or a cold start.",
            "s",
            buckets(REQUEST_SECONDS, INFERENCE),
            width=8,
        )
    ).with_panel(
        heat(
            "Inference, spread",
            "The same for the model alone.",
            "s",
            buckets(STAGE_SECONDS, VERSIONS + ', stage="inference"'),
            width=8,
        )
    )


def _objectives(to: Dashboard) -> None:
    to.with_row(Row("Objectives"))
    for what, promise in (
        ("availability", "99.9 % of the predictions asked are not answered 5xx."),
        ("latency", "99 % of the predictions asked are answered within 0.1 s."),
    ):
        to.with_panel(
            lines(
                f"Burn rate of the {what} budget",
                f"{promise} 1 uses the budget up in just its 30 days; 14.4 over an hour wakes somebody.",
                "short",
                *((f"job:digits_{what}:burn_rate{window}", window) for window in ("5m", "1h", "6h", "3d")),
                steps=[(1, YELLOW), (14.4, RED)],
            )
        )


def _refusals(to: Dashboard) -> None:
    to.with_row(Row("Turned away"))
    to.with_panel(
        lines(
            "Rejections by reason",
            "Refused requests and single pictures, by the error's type. queue_full is load, the rest mostly input.",
            "cps",
            (per_second("digits_rejections_total", by="reason"), "{{reason}}"),
            stacked=True,
        )
    ).with_panel(
        lines(
            "Pictures dropped before inference",
            "Their deadline passed in the queue, or the caller hung up. Nothing was computed for them.",
            "cps",
            (per_second("digits_dropped_pictures_total", by="reason") + " or vector(0)", "{{reason}}"),
        )
    )


def _versions(to: Dashboard) -> None:
    of_each = per_second(PREDICTIONS, VERSIONS, "model, version")
    to.with_row(Row("Versions in service"))
    to.with_panel(
        lines(
            "Share of the predictions",
            "Which version of which model reads the pictures.",
            "percentunit",
            (of_each + f" / scalar({per_second(PREDICTIONS, VERSIONS)} > 0)", "{{model}}/{{version}}"),
            stacked=True,
            most=1,
        )
    ).with_panel(
        lines(
            "Pictures read",
            "Pictures, not requests: a request may hold many.",
            "cps",
            (of_each, "{{model}}/{{version}}"),
            stacked=True,
        )
    )
