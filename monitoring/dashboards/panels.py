"""Panels in one style: `query` asks Prometheus, the rest draw what comes back. Sizes are parts of a row of 24."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

from grafana_foundation_sdk.builders import barchart, bargauge, common, heatmap, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    HeatmapCellLayout,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from monitoring.dashboards.frame import SOURCE

GREEN, YELLOW, RED = "green", "yellow", "red"
HEIGHT = 8
STAT_HEIGHT = 4

Query = tuple[str, str]
"""An expression, and the legend of what it returns: `{{label}}` stands for a label's value."""
Steps = Sequence[tuple[float, str]]
"""From each value on, its colour; below the first it is green."""


def lines(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    width: int = 12,
    stacked: bool = False,
    steps: Steps = (),
    most: float | None = None,
) -> timeseries.Panel:
    """Over time. `steps` are drawn as dashed lines; `most` is the top of the axis."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(width)
        .height(HEIGHT)
        .line_width(1)
        .fill_opacity(30 if stacked else 8)
        .show_points(VisibilityMode.NEVER)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if steps:
        panel.thresholds(_thresholds(steps)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        )
    if most is not None:
        panel.max(most)
    for target in _targets(queries):
        panel.with_target(target)
    return panel


def number(
    title: str, description: str, unit: str, expression: str, *, width: int = 4, steps: Steps = (), base: str = GREEN
) -> stat.Panel:
    """One figure, with its course behind it. `base` is the colour below the first step."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .span(width)
        .height(STAT_HEIGHT)
        .thresholds(_thresholds(steps, base))
        .color_mode(BigValueColorMode.BACKGROUND if steps else BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_query(expression, title, "A"))
    )


def heat(title: str, description: str, unit: str, expression: str, *, width: int = 12) -> heatmap.Panel:
    """How values were spread, over time; the expression gives a rate per bucket of a histogram."""
    return (
        heatmap.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .span(width)
        .height(HEIGHT)
        .calculate(False)
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Turbo").steps(64).exponent(0.5))
        .rows_frame(heatmap.RowsHeatmapOptions().layout(HeatmapCellLayout.AUTO))
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .cell_values(heatmap.CellValues().unit("short"))
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .show_legend()
        .mode(TooltipDisplayMode.SINGLE)
        .with_target(_query(expression, "{{le}}", "A").format(PromQueryFormat.HEATMAP))
    )


def bars(title: str, description: str, unit: str, by: str, *queries: Query, width: int = 12) -> barchart.Panel:
    """Now, one group of bars for each value of the label `by`, one bar in it for each query."""
    panel = (
        barchart.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(width)
        .height(HEIGHT)
        .x_field(by)
        .orientation(VizOrientation.VERTICAL)
        .show_value(VisibilityMode.NEVER)
        .stacking(StackingMode.NONE)
        .group_width(0.7)
        .bar_width(0.9)
        .fill_opacity(80)
        .legend(_legend())
    )
    renamed: dict[str, str] = {}
    excluded: dict[str, bool] = {}
    for letter, (expression, legend) in zip(ascii_uppercase, queries, strict=False):
        panel.with_target(_query(expression, legend, letter).instant().format(PromQueryFormat.TABLE))
        renamed[f"Value #{letter}"] = legend
        excluded |= {f"Time {len(renamed)}": True, "Time": True}
    return panel.with_transformation(
        DataTransformerConfig(id_val="joinByField", options={"byField": by, "mode": "outer"})
    ).with_transformation(
        DataTransformerConfig(id_val="organize", options={"excludeByName": excluded, "renameByName": renamed})
    )


def gauges(
    title: str, description: str, unit: str, query: Query, *, least: float, most: float, width: int = 12
) -> bargauge.Panel:
    """Now, one bar for each series."""
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .decimals(2)
        .min(least)
        .max(most)
        .span(width)
        .height(HEIGHT)
        .display_mode(BarGaugeDisplayMode.GRADIENT)
        .orientation(VizOrientation.HORIZONTAL)
        .color_scheme(build.FieldColor().mode(FieldColorModeId.CONTINUOUS_BL_PU))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_query(*query, "A").instant())
    )


def states(title: str, description: str, query: Query, *, width: int = 12) -> statetimeline.Panel:
    """When each series was there."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit("short")
        .span(width)
        .height(HEIGHT)
        .show_value(VisibilityMode.NEVER)
        .legend(common.VizLegendOptions().show_legend(False).placement(LegendPlacement.BOTTOM))
        .with_target(_query(*query, "A"))
    )


def facts(title: str, description: str, expression: str, columns: Sequence[str], *, width: int = 12) -> table.Panel:
    """Now, one line for each series, with these labels."""
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit("short")
        .span(width)
        .height(HEIGHT)
        .with_target(_query(expression, "", "A").instant().format(PromQueryFormat.TABLE))
        .with_transformation(
            DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(columns)}})
        )
    )


def _targets(queries: Sequence[Query]) -> list[Dataquery]:
    return [_query(*query, letter) for letter, query in zip(ascii_uppercase, queries, strict=False)]


def _query(expression: str, legend: str, letter: str) -> Dataquery:
    return Dataquery().datasource(SOURCE).expr(expression).legend_format(legend).ref_id(letter).range()


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
    )


def _thresholds(steps: Steps, base: str = GREEN) -> build.ThresholdsConfig:
    found = [Threshold(color=base), *(Threshold(value=value, color=colour) for value, colour in steps)]
    return build.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)
