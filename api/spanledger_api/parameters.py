"""The query parameters that reports share: which window, whose records, what form."""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

from spanledger.exceptions import InvalidRequestError
from spanledger_api.filters import Dimension, Where
from spanledger_api.times import parse_rfc3339
from spanledger_api.window import Period, Window, overridden, period_window, zone_names

__all__ = [
    "AsKnown",
    "CostFilters",
    "CostWindow",
    "DetailFilters",
    "Instant",
    "RecordDetails",
    "ReportFormat",
    "ServiceFilter",
    "TimeWindow",
    "known_zone",
    "refuse_repeats",
]


async def refuse_repeats(request: Request) -> None:
    """Refuse a query that states one parameter twice: all but one of the values would be ignored.

    Raises:
        InvalidRequestError: A parameter stands there more than once.
    """
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if times > 1:
            message = f"stands {times} times in the query; state it once"
            raise InvalidRequestError(message, parameter=name)


class ReportFormat(StrEnum):
    """The form of a report's body."""

    JSON = "json"
    CSV = "csv"


def known_zone(name: str) -> str:
    """The name of a time zone, as it is.

    Raises:
        ValueError: There is no such time zone.
    """
    if name not in zone_names():
        message = "not an IANA time zone name, such as UTC or Asia/Taipei"
        raise ValueError(message)
    return name


Instant = Annotated[
    int,
    BeforeValidator(parse_rfc3339),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Nanoseconds since 1970 UTC, of an RFC 3339 time."""


class TimeWindow(BaseModel, extra="forbid", frozen=True):
    """Which spans a report covers, by the time they started."""

    period: Period = Field(
        Period.MONTHLY,
        description="The current calendar period in `timezone`, from its first instant; weeks start Monday.",
    )
    start: Instant | None = Field(
        None, alias="from", description="First instant covered (RFC 3339 with offset); overrides the period's start."
    )
    end: Instant | None = Field(
        None, alias="to", description="First instant no longer covered (RFC 3339 with offset); no end where absent."
    )
    timezone: Annotated[str, AfterValidator(known_zone)] = Field(
        "UTC", description="IANA time zone whose calendar the period follows.", examples=["Asia/Taipei"]
    )

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose calendar the report follows."""
        return ZoneInfo(self.timezone)

    def window(self, now: datetime) -> Window:
        """The half-open window that is asked for.

        Raises:
            InvalidRequestError: It would be empty.
        """
        return overridden(period_window(self.period, now, self.zone), self.start, self.end)

    def where(self, now: datetime) -> Where:
        """The conditions on the records to read.

        Raises:
            InvalidRequestError: The window would be empty.
        """
        return Where.within(self.window(now))


class CostWindow(TimeWindow, frozen=True):
    """A window over amounts of one currency."""

    currency: str = Field(
        "USD", pattern="^[A-Z]{3}$", description="ISO 4217 code; only its records are read, so nothing is converted."
    )

    def where(self, now: datetime) -> Where:
        """The conditions on the cost records to read; raises as the base does."""
        return super().where(now).equal(Dimension.CURRENCY, self.currency)


class AsKnown(BaseModel, frozen=True):
    """A moment whose knowledge amounts are told by."""

    as_of: Instant | None = Field(
        None,
        alias="asOf",
        description="Amounts as the ledger knew them then (RFC 3339): without what arrived or was re-priced later.",
    )

    def known(self, where: Where) -> Where:
        """Conditions on the records as they were known then."""
        return replace(where, known_at=self.as_of)


class CostFilters(AsKnown, CostWindow, frozen=True):
    """A window over amounts, narrowed to some of the records."""

    user_id: str | None = Field(None, alias="userId", description="This user only; empty: records without a user.")
    task_type: str | None = Field(None, alias="taskType", description="This task type only; empty: records without.")
    execution_id: str | None = Field(
        None, alias="executionId", description="This task execution only; empty: records without."
    )
    format: ReportFormat = Field(ReportFormat.JSON, description="Form of the body.")

    def where(self, now: datetime) -> Where:
        """The conditions on the cost records to read; raises as the base does."""
        return self.known(
            super()
            .where(now)
            .equal(Dimension.USER_ID, self.user_id)
            .equal(Dimension.TASK_TYPE, self.task_type)
            .equal(Dimension.EXECUTION_ID, self.execution_id)
        )


class ServiceFilter(CostFilters, frozen=True):
    """The filters of a report that covers every service."""

    service: str | None = Field(None, description="This service only; empty: records without.", examples=["openai"])

    def where(self, now: datetime) -> Where:
        """The conditions on the cost records to read; raises as the base does."""
        return super().where(now).equal(Dimension.SERVICE, self.service)


class RecordDetails(BaseModel, frozen=True):
    """What else a record says, for parameters to be narrowed by."""

    operation: str | None = Field(None, description="This operation only; empty: records without.")
    model: str | None = Field(None, description="This model only; empty: records without.", examples=["gpt-4"])
    step: str | None = Field(None, description="This step only; empty: records outside steps.")
    prompt: str | None = Field(
        None, description="This prompt only, as `category/name`; empty: records without.", examples=["video/title"]
    )
    source: str | None = Field(
        None, description="Amounts of this source only: `provider`, `price_book`, `fallback` or `unpriced`."
    )
    status: str | None = Field(None, description="`success` or `failed` calls only.")

    def narrowed(self, where: Where) -> Where:
        """Conditions on cost records, and these as well."""
        return (
            where.equal(Dimension.OPERATION, self.operation)
            .equal(Dimension.MODEL, self.model)
            .equal(Dimension.STEP, self.step)
            .equal(Dimension.PROMPT, self.prompt)
            .equal(Dimension.SOURCE, self.source)
            .equal(Dimension.STATUS, self.status)
        )


class DetailFilters(RecordDetails, ServiceFilter, frozen=True):
    """The filters of a report that can be narrowed by everything a record says."""

    def where(self, now: datetime) -> Where:
        """The conditions on the cost records to read; raises as the base does."""
        return self.narrowed(super().where(now))
