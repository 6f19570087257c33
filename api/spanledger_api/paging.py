"""Lists in pages: how many rows, after how many, and where the next ones are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.datastructures import URL

__all__ = ["Page", "Paged", "next_page_headers"]

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a list.

    Attributes:
        limit: How many rows at most.
        offset: How many rows of the list come before it.
    """

    limit: int
    offset: int = 0

    @property
    def parameters(self) -> dict[str, object]:
        """What :attr:`sql` binds; one row more than the page holds says whether there is a next page."""
        return {"page_limit": self.limit + 1, "page_offset": self.offset}

    @property
    def sql(self) -> str:
        """The clause that ends a query."""
        return " LIMIT {page_limit:UInt64} OFFSET {page_offset:UInt64}"

    def cut(self, rows: Sequence[_Item]) -> Sequence[_Item]:
        """The page, and one row more if there is a next page, of a whole list."""
        return rows[self.offset : self.offset + self.limit + 1]


class Paged(BaseModel, frozen=True):
    """Parameters of a list that comes in pages."""

    limit: int = Field(1000, ge=1, le=10_000, description="How many rows at most; `Link` names the next page, if any.")
    offset: int = Field(0, ge=0, le=1_000_000_000, description="How many rows to pass over.")

    @property
    def page(self) -> Page:
        """The stretch of the list that is asked for."""
        return Page(self.limit, self.offset)


def next_page_headers(url: URL, page: Page) -> dict[str, str]:
    """``Link`` to the page after this one (RFC 8288), as a path on the same host."""
    target = url.include_query_params(limit=page.limit, offset=page.offset + page.limit)
    return {"Link": f'<{target.path}?{target.query}>; rel="next"'}
