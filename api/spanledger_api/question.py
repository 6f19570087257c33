"""One request for a report and its answer: rows as JSON or CSV, what must be known about them in the headers."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Protocol, TypeAlias, TypeVar

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from spanledger_api.deployment import Deployed
from spanledger_api.encoding import to_csv, to_json
from spanledger_api.filters import Where
from spanledger_api.paging import Paged, next_page_headers
from spanledger_api.parameters import ReportFormat
from spanledger_api.reply import freshness_headers, share_headers
from spanledger_api.revalidation import REVALIDATED, closed_tag, is_known
from spanledger_api.window import Window
from spanledger_clickhouse.ledger import Ledger
from spanledger_clickhouse.rollups import one_moment

__all__ = ["Asked", "Question", "ReportRow", "columns_of"]

ReportRow: TypeAlias = BaseModel | Mapping[str, object]
"""One row of a report: a model, or a mapping where the columns depend on what was asked for."""

_Headers: TypeAlias = Callable[[], dict[str, str]]
_T = TypeVar("_T")


class _Form(Protocol):
    """What the parameters of every report say."""

    @property
    def format(self) -> ReportFormat:
        """How the rows are to be written."""
        ...


class _Report(_Form, Protocol):
    """What the parameters of reports over a window say."""

    def window(self, now: datetime) -> Window:
        """The time that the report is of, as seen from now."""
        ...


class _CostReport(_Report, Protocol):
    """What the parameters of reports in amounts say."""

    @property
    def currency(self) -> str:
        """The one currency whose amounts are summed."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """A request for a report.

    Attributes:
        request: The request.
        ledger: What is asked.
        now: The time at which it is asked, aware; every part of the answer goes by it.
    """

    request: Request
    ledger: Ledger
    now: datetime

    def amounts(
        self, columns: Sequence[str], parameters: _CostReport, where: Where, read: Callable[[], Sequence[ReportRow]]
    ) -> Response:
        """A report of amounts of one currency.

        Args:
            columns: The columns in order.
            parameters: What was asked for.
            where: The cost records it is about, for the shares in the headers.
            read: Gives the rows, and one more than the page holds if there is a next page.

        Returns:
            The rows, or 304 where the reader holds them already.
        """
        currency = parameters.currency
        return self._revalidated(columns, parameters, read, lambda: share_headers(self.ledger, where, currency))

    def durations(
        self, columns: Sequence[str], parameters: _Report, read: Callable[[], Sequence[ReportRow]]
    ) -> Response:
        """A report without amounts; arguments and result as of :meth:`amounts`."""
        return self._revalidated(columns, parameters, read)

    def open_durations(
        self, columns: Sequence[str], parameters: _Form, read: Callable[[], Sequence[ReportRow]]
    ) -> Response:
        """A list that depends on more than what its window holds, so that no tag stands for it; else as the others."""
        return self._answer(columns, parameters, read, {})

    def _revalidated(
        self,
        columns: Sequence[str],
        parameters: _Report,
        read: Callable[[], Sequence[ReportRow]],
        shares: _Headers | None = None,
    ) -> Response:
        # Before what it stands for: what changes meanwhile is in the answer of the next tag.
        tag = closed_tag(self.request, self.ledger, parameters.window(self.now), self.now)
        kept = {} if tag is None else {"ETag": tag, "Cache-Control": REVALIDATED}
        if tag is not None and is_known(self.request, tag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)
        return self._answer(columns, parameters, read, kept, shares)

    def _answer(
        self,
        columns: Sequence[str],
        parameters: _Form,
        read: Callable[[], Sequence[ReportRow]],
        stated: dict[str, str],
        shares: _Headers | None = None,
    ) -> Response:
        with one_moment(self.ledger):
            # First, so that the rows are at least as fresh as it says.
            stated |= freshness_headers(self.ledger)
            rows, of_rows = (read(), {}) if shares is None else _side_by_side(read, shares)
        stated |= of_rows
        if isinstance(parameters, Paged) and len(rows) > parameters.limit:
            rows = rows[: parameters.limit]
            stated |= next_page_headers(self.request.url, parameters.page)
        if parameters.format is ReportFormat.CSV:
            return Response(to_csv(columns, rows), media_type="text/csv; charset=utf-8", headers=stated)
        return Response(to_json(rows), media_type="application/json", headers=stated)


def _side_by_side(read: Callable[[], _T], shares: _Headers) -> tuple[_T, dict[str, str]]:
    """Rows and the shares among their records, neither of which needs to wait for the other."""
    with ThreadPoolExecutor(1) as beside:
        pending = beside.submit(copy_context().run, shares)
        return read(), pending.result()


def columns_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The columns of rows of one model, in order."""
    return tuple(model.model_fields)


def _question(request: Request, deployment: Deployed) -> Question:
    return Question(request, deployment.ledger, deployment.clock())


Asked = Annotated[Question, Depends(_question)]
"""Annotation of a handler's argument that receives the question."""
