"""The documentation of the metered media calls says what really happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.instrumentation.calls.media_calls import DOCUMENT, END, START, media_table

if TYPE_CHECKING:
    from pathlib import Path


def test_the_documented_table_is_what_the_calls_cost(tmp_path: Path) -> None:
    """Every call is made, and quantity, price, total and user are those in the table, to the digit.

    ``python -m tests.instrumentation.calls.media_calls`` writes it anew.
    """
    documented = DOCUMENT.read_text().partition(START)[2].partition(END)[0]

    assert media_table(tmp_path).splitlines() == documented.strip().splitlines()
