"""What every board has: its name, its links to the others and to Spanledger's own pages, its range of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, TimePicker
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType, Panel
from grafana_foundation_sdk.models.table import Options as TableOptions

from boards.variables import product_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Dashboard as Model
    from grafana_foundation_sdk.models.dashboard import VariableModel

__all__ = ["API_TAG", "SQL_TAG", "Board"]

API_TAG: Final = "spanledger-api"
"""Of boards that read the API."""

SQL_TAG: Final = "spanledger-sql"
"""Of boards that read the tables."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """One board.

    Attributes:
        name: The name of its file, and with its tag its identifier.
        title: What people read.
        about: What it answers.
        tag: Which of the two sets it belongs to.
        page: Path of the page of Spanledger's own dashboard that shows the same.
        variables: What readers may choose.
        panels: What it shows, row by row.
    """

    name: str
    title: str
    about: str
    tag: str
    page: str
    variables: Sequence[Builder[VariableModel]]
    panels: Sequence[Builder[Panel]]

    @property
    def file(self) -> str:
        """Path below the folder of all boards: Grafana makes a folder of each directory."""
        return f"{'api' if self.tag == API_TAG else 'clickhouse'}/{self.name}.json"

    def build(self) -> Model:
        """The board as Grafana reads it."""
        dashboard = (
            Dashboard(self.title)
            .uid(f"{self.tag}-{self.name}")
            .description(self.about)
            .tags(["spanledger", self.tag])
            .timezone("browser")
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .time("now-30d", "now")
            .refresh("1m")
            .timepicker(TimePicker().refresh_intervals(["10s", "1m", "5m", "1h"]))
            .readonly()
            .link(
                DashboardLink("Boards")
                .type(DashboardLinkType.DASHBOARDS)
                .tags([self.tag])
                .keep_time(keep_time=True)
                .include_vars(include_vars=True)
            )
            .link(
                DashboardLink("Spanledger")
                .type(DashboardLinkType.LINK)
                .icon("external link")
                .tooltip("The same in Spanledger's own dashboard")
                .url(f"${{spanledger:raw}}{self.page}")
                .target_blank(target_blank=True)
            )
        )
        for chosen in (*self.variables, product_address()):
            dashboard = dashboard.with_variable(chosen)
        for panel in self.panels:
            dashboard = dashboard.with_panel(panel)
        built = dashboard.build()
        for variable in built.templating.list_val or ():
            # The builders state what only variables of intervals have; Grafana's schema has it for no other.
            variable.auto = variable.auto_min = variable.auto_count = None
        for link in built.links or ():
            link.placement = None  # type: ignore[assignment]  # the type has no word for above the panels, not in a menu
        for number, placed in enumerate(built.panels or (), start=1):
            placed.id_val = number
            if isinstance(placed, Panel) and isinstance(placed.options, TableOptions):
                placed.options.footer = None  # a table of Grafana 13 has none
        return built
