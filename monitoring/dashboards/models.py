"""The dashboard *Models*: do the versions still do what they were made for?"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from monitoring.dashboards.frame import VERSIONS, frame
from monitoring.dashboards.panels import RED, YELLOW, bars, facts, gauges, heat, lines, states
from monitoring.dashboards.promql import buckets, mean, per_second, share, within

EACH_VERSION = "model, version"
NAMED = "{{model}}/{{version}}"
PREDICTIONS, CONFIDENCE, JUDGED = "digits_predictions_total", "digits_confidence", "digits_judged_pictures_total"
LABELLED = (
    f"(max by (model, version, label) (digits_model_label{{{VERSIONS}}}) == 1) * on (model, version) group_left ()"
)
"""Times something of each version: the same for each of its labels."""


def dashboard() -> Dashboard:
    """The dashboard, with all its panels."""
    built = frame("digits: models", "digits-models", "What is predicted, how surely, and whether that has changed.")
    for add in (_in_service, _predicted, _sure, _trials, _loading):
        add(built)
    return built


def _accuracy(part: str) -> str:
    """By the cards of the versions that are there; of those that have gone the figures stay in the metric."""
    stated = f'max by (model, version) (digits_model_accuracy_ratio{{{VERSIONS}, part="{part}"}})'
    return f"{stated} and on (model, version) (digits_model_info == 1)"


def _in_service(to: Dashboard) -> None:
    to.with_row(Row("In service"))
    to.with_panel(
        facts(
            "Versions",
            "Loaded now: what each was trained on, how large it is, where it runs.",
            f"digits_model_info{{{VERSIONS}}} == 1",
            ["model", "version", "dataset", "parameters", "test_accuracy", "device", "instance"],
        )
    ).with_panel(
        gauges(
            "Accuracy by card",
            "On its test set, when it was made. What it does in service is not known: nobody says what was right.",
            "percentunit",
            (_accuracy("test"), NAMED),
            least=0.9,
            most=1,
        )
    )


def _predicted(to: Dashboard) -> None:
    shares = f"{within(PREDICTIONS, VERSIONS, 'digit')} / scalar({within(PREDICTIONS, VERSIONS)} > 0)"
    to.with_row(Row("What is predicted"))
    to.with_panel(
        bars(
            "Digits predicted, beside validation",
            "Share of each digit within the interval, and among what the same versions said of validation pictures.",
            "percentunit",
            "digit",
            (shares, "predicted"),
            (f"avg by (digit) (digits_model_validation_share_ratio{{{VERSIONS}}})", "validation"),
        )
    ).with_panel(
        lines(
            "Digits predicted",
            "The same share over time.",
            "percentunit",
            (shares, "{{digit}}"),
            stacked=True,
            most=1,
        )
    ).with_panel(
        lines(
            "Drift of the digits",
            "Total variation distance over the last hour from validation: 0 is the same, 1 has nothing in common. "
            "Of few pictures it is large by chance.",
            "percentunit",
            (f"job_model_version:digits_predictions:drift1h{{{VERSIONS}}}", NAMED),
            steps=[(0.2, RED)],
        )
    ).with_panel(
        lines(
            "Pictures read within the last hour",
            "What the drift is worked out from; of less than 500 nothing is concluded.",
            "short",
            (f"job_model_version:digits_predictions:increase1h{{{VERSIONS}}}", NAMED),
            steps=[(500, YELLOW)],
        )
    )


def _sure(to: Dashboard) -> None:
    judged = per_second(JUDGED, VERSIONS, EACH_VERSION)
    no_digit = per_second(JUDGED, VERSIONS + ', is_digit="false"', EACH_VERSION)
    answers = per_second(f"{CONFIDENCE}_count", VERSIONS)
    blank = per_second("digits_rejections_total", 'reason="blank_picture"')
    to.with_row(Row("How surely"))
    to.with_panel(
        heat(
            "Confidence, spread",
            "How many pictures a second were read this surely. It belongs near 1.",
            "percentunit",
            buckets(CONFIDENCE, VERSIONS),
        )
    ).with_panel(
        lines(
            "Mean confidence",
            "It is calibrated, so it says how often such answers are right. Beside it the accuracy on validation pictures.",
            "percentunit",
            (mean(CONFIDENCE, VERSIONS, EACH_VERSION), NAMED),
            (_accuracy("validation"), f"{NAMED} validation"),
            most=1,
        )
    ).with_panel(
        lines(
            "Unsure answers",
            "Part of the pictures read with a confidence of at most 0.5, or 0.9.",
            "percentunit",
            *(
                (share(per_second(f"{CONFIDENCE}_bucket", f'{VERSIONS}, le="{bound}"'), answers), f"at most {bound}")
                for bound in ("0.5", "0.9")
            ),
        )
    ).with_panel(
        lines(
            "Not a digit",
            "Part of the pictures of which it was said that they show no digit, and blank ones for each request.",
            "percentunit",
            (share(no_digit, judged), NAMED),
            (share(f"({blank} or vector(0))", per_second("digits_requests_total")), "blank"),
        )
    )


def _trials(to: Dashboard) -> None:
    pair = "model, version, shadow"
    shown = per_second("digits_shadow_pictures_total", VERSIONS, pair)
    differ = per_second("digits_shadow_disagreements_total", VERSIONS, pair)
    to.with_row(Row("Versions on trial"))
    to.with_panel(
        lines(
            "Pictures read, by label",
            "A version counts under each of its labels.",
            "cps",
            (f"{LABELLED} {per_second(PREDICTIONS, VERSIONS, EACH_VERSION)}", "{{model}} {{label}} ({{version}})"),
            width=8,
        )
    ).with_panel(
        lines(
            "Mean confidence, by label",
            "A canary that is less sure than stable on the same traffic is no better.",
            "percentunit",
            (f"{LABELLED} ({mean(CONFIDENCE, VERSIONS, EACH_VERSION)})", "{{model}} {{label}} ({{version}})"),
            width=8,
            most=1,
        )
    ).with_panel(
        lines(
            "Agreement with the shadow",
            "Part of the pictures that the shadow version reads as the one that answered.",
            "percentunit",
            (f"1 - {share(differ, shown)}", "{{model}} {{version}} and {{shadow}}"),
            width=8,
            most=1,
        )
    )


def _loading(to: Dashboard) -> None:
    to.with_row(Row("Coming and going"))
    to.with_panel(
        states(
            "States",
            "Which version was in which state, and when.",
            (
                f"max by (model, version, state) (digits_model_state{{{VERSIONS}}}) == 1",
                "{{model}}/{{version}} {{state}}",
            ),
            width=8,
        )
    ).with_panel(
        lines(
            "Time to load a version",
            "From finding it to having it warm in service, mean of those within the interval.",
            "s",
            (mean("digits_model_load_seconds", 'model=~"$model"', "model"), "{{model}}"),
            width=8,
        )
    ).with_panel(
        lines(
            "Versions refused",
            "Since the service was started; the reason stands in /models and in the log.",
            "short",
            (f"sum by (model, version) (digits_model_load_failures_total{{{VERSIONS}}}) or vector(0)", NAMED),
            width=8,
            steps=[(1, RED)],
        )
    )
