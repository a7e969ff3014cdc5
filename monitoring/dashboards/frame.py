"""What both dashboards have in common: where their data comes from, their variables, and what they mark in time."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
VERSIONS = 'model=~"$model", version=~"$version"'
"""Selects what the variables select, in a metric that has a model and a version."""
INTERVALS = ("1m", "5m", "15m", "1h", "6h", "1d")
DEFAULT_INTERVAL = "5m"
TAG = "digits"


def frame(title: str, uid: str, description: str) -> build.Dashboard:
    """A dashboard without panels."""
    return (
        build.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-1h", "now")
        .refresh("30s")
        .readonly()
        .link(
            build.DashboardLink("digits")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(False)
            .include_vars(True)
            .keep_time(True)
        )
        .variables([_datasource(), _model(), _version(), _interval()])
        .annotations([_restarts(), _deployments()])
    )


def _datasource() -> build.DatasourceVariable:
    return build.DatasourceVariable("datasource").label("Source").type("prometheus")


def _model() -> build.QueryVariable:
    return _values("model", "Model", "label_values(digits_model_info, model)").sort(VariableSort.ALPHABETICAL_ASC)


def _version() -> build.QueryVariable:
    return _values("version", "Version", 'label_values(digits_model_info{model=~"$model"}, version)').sort(
        VariableSort.NUMERICAL_DESC
    )


def _values(name: str, label: str, query: str) -> build.QueryVariable:
    return (
        build.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def _interval() -> build.IntervalVariable:
    options = [VariableOption(selected=one == DEFAULT_INTERVAL, text=one, value=one) for one in INTERVALS]
    return (
        build.IntervalVariable("interval")
        .label("Over")
        .description("How far each point looks back: longer is smoother. At least four scrapes.")
        .values(",".join(INTERVALS))
        .options(options)
        .current(VariableOption(selected=True, text=DEFAULT_INTERVAL, value=DEFAULT_INTERVAL))
    )


def _restarts() -> build.AnnotationQuery:
    return _mark("Engine restarts", "red", "increase(digits_engine_restarts_total[1m]) > 0")


def _deployments() -> build.AnnotationQuery:
    """A version was taken into service."""
    return _mark("Versions loaded", "blue", 'increase(digits_model_load_seconds_count{model=~"$model"}[1m]) > 0')


def _mark(name: str, colour: str, expression: str) -> build.AnnotationQuery:
    return build.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(colour).expr(expression)
