"""The kinds of panels that boards are made of, each set up once."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue

from boards.clickhouse import LEDGER
from boards.infinity import REPORTS, ReportTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grafana_foundation_sdk.models.common import DataSourceRef

    from boards.clickhouse import SqlTarget

__all__ = ["Unit", "bars", "lines", "listing", "number"]


class Unit(StrEnum):
    """How a number is shown; the values are Grafana's names of units."""

    MONEY = "currencyUSD"
    SHARE = "percentunit"
    PERCENT = "percent"
    DURATION = "ms"
    COUNT = "short"
    TIME = "dateTimeAsIso"


def _source(target: ReportTarget | SqlTarget) -> DataSourceRef:
    return REPORTS if isinstance(target, ReportTarget) else LEDGER


def number(title: str, target: ReportTarget | SqlTarget, field: str, unit: Unit, about: str) -> stat.Panel:
    """One number, from the last row of one column; a sixth of the width."""
    shown = ReduceDataOptions().calcs(["lastNotNull"]).fields(f"/^{field}$/")
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(_source(target))
        .with_target(target)
        .unit(unit)
        .no_value("–")  # noqa: RUF001 - a dash for people
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(shown)
        .span(4)
        .height(4)
    )


def lines(title: str, target: ReportTarget | SqlTarget, unit: Unit, name: str, about: str) -> timeseries.Panel:
    """A line for each series; gaps stay gaps, since what is not known is not zero.

    Args:
        title: Of the panel.
        target: What it shows.
        unit: Of its values.
        name: What a series is called, from its labels.
        about: What the panel is for.
    """
    return (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(_source(target))
        .with_target(target)
        .unit(unit)
        .min(0)
        .display_name(name)
        .span_nulls(span_nulls=False)
        .legend(
            VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.RIGHT)
            .show_legend(show_legend=True)
            .calcs(["sum" if unit in {Unit.MONEY, Unit.COUNT} else "max"])
        )
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .span(24)
        .height(9)
    )


def bars(title: str, target: ReportTarget | SqlTarget, unit: Unit, name: str, about: str) -> timeseries.Panel:
    """Bars of every series on top of each other; arguments as of :func:`lines`."""
    return (
        lines(title, target, unit, name, about)
        .draw_style(GraphDrawStyle.BARS)
        .fill_opacity(80)
        .line_width(0)
        .stacking(StackingConfig().mode(StackingMode.NORMAL))
    )


def listing(
    title: str,
    target: ReportTarget | SqlTarget,
    columns: Mapping[str, Unit | None],
    about: str,
    links: Mapping[str, str] | None = None,
) -> table.Panel:
    """A table; half the width.

    Args:
        title: Of the panel.
        target: What it shows.
        columns: Its columns from left to right, with the unit of each; the data source has an order of its own.
        about: What the panel is for.
        links: Columns whose cells lead to an address.
    """
    order = {name: position for position, name in enumerate(columns)}
    panel = (
        table.Panel()
        .title(title)
        .description(about)
        .datasource(_source(target))
        .with_target(target)
        .with_transformation(DataTransformerConfig(id_val="organize", options={"indexByName": order}))
        .span(12)
        .height(9)
    )
    for name, unit in columns.items():
        properties = [DynamicConfigValue(id_val="unit", value=unit.value)] if unit else []
        if links and name in links:
            link = {"title": "Open in Spanledger", "url": links[name], "targetBlank": True}
            properties.append(DynamicConfigValue(id_val="links", value=[link]))
        if properties:
            panel = panel.override_by_name(name, properties)
    return panel
