"""What readers of a board may choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders.dashboard import CustomVariable, QueryVariable, TextBoxVariable
from grafana_foundation_sdk.models.dashboard import VariableHide, VariableOption, VariableRefresh

from boards.clickhouse import LEDGER, values_sql
from boards.infinity import REPORTS, values_query

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import VariableModel

__all__ = ["FILTERS", "TIMEZONE", "grouping", "product_address", "sql_filter", "timezone", "value_filter"]

_TIMEZONES: Final = ("UTC", "Asia/Taipei", "Asia/Tokyo", "Europe/London", "Europe/Berlin", "America/New_York")

TIMEZONE: Final = {"timezone": "${timezone:raw}"}
"""The parameter of a report that follows a calendar."""

FILTERS: Final = {
    "user": {"userId": "${user:raw}"},
    "service": {"service": "${service:raw}"},
    "task_type": {"taskType": "${task_type:raw}"},
    "prompt": {"prompt": "${prompt:raw}"},
}
"""Variables that narrow reports, and the parameter that carries each. Unchosen they say `*`, which is no filter."""

_LABELS: Final = {"user": "User", "service": "Service", "task_type": "Task type", "prompt": "Prompt"}


def _option(text: str, value: str) -> VariableOption:
    return VariableOption(selected=True, text=text, value=value)


def value_filter(dimension: str) -> Builder[VariableModel]:
    """One value of a dimension, or all, offered by the API."""
    return (
        QueryVariable(dimension)
        .label(_LABELS[dimension])
        .datasource(REPORTS)
        .query(values_query(dimension))
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .include_all(include_all=True)
        .all_value("*")
        .current(_option("All", "$__all"))
    )


def sql_filter(name: str, column: str) -> Builder[VariableModel]:
    """One value of a column, or all, offered by ClickHouse.

    The value for all is put into SQL as it stands, so that its quotes are part of it.
    """
    return (
        QueryVariable(name)
        .label(_LABELS[name])
        .datasource(LEDGER)
        .query(values_sql(column))
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .include_all(include_all=True)
        .all_value("'*'")
        .current(_option("All", "$__all"))
    )


def timezone() -> Builder[VariableModel]:
    """The time zone whose calendar days, weeks and months follow."""
    return (
        CustomVariable("timezone")
        .label("Calendar")
        .values(",".join(_TIMEZONES))
        .allow_custom_value(allow_custom_value=True)
        .current(_option("UTC", "UTC"))
    )


def grouping(*values: str) -> Builder[VariableModel]:
    """What amounts are grouped by; the first of the values is the default."""
    return (
        CustomVariable("group")
        .label("Group by")
        .values(",".join(values))
        .current(_option(values[0].replace("_", " "), values[0]))
    )


def product_address() -> Builder[VariableModel]:
    """Where a reader's browser finds Spanledger's own dashboard, for links."""
    address = "http://127.0.0.1:8000"
    return (
        TextBoxVariable("spanledger")
        .label("Spanledger")
        .hide(VariableHide.HIDE_VARIABLE)
        .default_value(address)
        .current(_option(address, address))
    )
