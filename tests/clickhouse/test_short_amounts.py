"""Amounts of few digits are read on a shorter way, and come out as on the long one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from spanledger_clickhouse.migrations import known_migrations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spanledger_clickhouse.ledger import Ledger

_EVERY_AMOUNT_LONG, _SHORT_ONES_APART = 19, 20
_BEGIN = "ALTER TABLE cost_records_mv MODIFY QUERY"
_AMOUNTS = ("cost.quantity", "cost.unit_cost", "cost.total_cost")
_AT_THE_LIMITS = (
    *("9" * digits for digits in (14, 15, 20, 26, 27, 38, 39, 76, 77, 400)),
    *(f"0.{'0' * places}5" for places in (10, 11, 12, 16, 17, 18, 37, 38)),
    *(f"{'9' * 14}.{'9' * places}" for places in (11, 12, 13, 17, 18, 19)),
    *("", "0", "-0", "+1", "-1.5", ".5", "5.", "00000000000000000001", "1e3", "1E-13", "6e-13", "1e400", "1,5", "1_0"),
    *(
        "nan",
        "inf",
        "1\n",
        "\n1",
        "1\0",
        "\0",
        " 1",
        "1 ",
        "1.2.3",
        "\N{FULLWIDTH DIGIT ONE}",
        "\N{ARABIC-INDIC DIGIT ONE}",
    ),
)
_DIGITS = st.text("0123456789", max_size=40)
_TEXTS = st.one_of(
    st.sampled_from(_AT_THE_LIMITS),
    st.builds("{}.{}".format, _DIGITS, _DIGITS),
    st.decimals(0, 10**15, places=12).map(str),
    st.floats().map(str),
    st.text("019.eE+- \n\0x", max_size=30),
)
_SPANS = st.lists(
    st.tuples(_TEXTS, _TEXTS, _TEXTS, st.sampled_from(["", "provider", "price_book", "unpriced"])),
    min_size=200,
    max_size=200,
)


def _select(version: int) -> str:
    """What the view reads since a migration, of the spans given as a parameter, without the time of arrival."""
    [statement] = [
        statement
        for migration in known_migrations()
        if migration.version == version
        for statement in migration.statements
        if statement.startswith(_BEGIN)
    ]
    keys = ", ".join(f"'{key}'" for key in (*_AMOUNTS, "cost.source", "cost.service"))
    spans = (
        "(SELECT fromUnixTimestamp64Nano(toInt64(number)) AS Timestamp, '' AS TraceId, '' AS SpanId, "  # noqa: S608 - ours
        "'' AS StatusMessage, 'Ok' AS StatusCode, toUInt64(0) AS Duration, "
        f"CAST(mapFromArrays([{keys}], arrayPushBack({{spans:Array(Array(String))}}[number + 1], 's3')), "
        "'Map(LowCardinality(String), String)') AS SpanAttributes FROM numbers({count:UInt64}))"
    )
    return f"SELECT * EXCEPT version FROM ({statement.removeprefix(_BEGIN).replace('otel_traces', spans)})"  # noqa: S608 - ours


_BEFORE, _SINCE = _select(_EVERY_AMOUNT_LONG), _select(_SHORT_ONES_APART)


def _rows(ledger: Ledger, select: str, spans: Sequence[Sequence[str]]) -> list[dict[str, object]]:
    parameters = {"spans": [list(span) for span in spans], "count": len(spans)}
    return ledger.query(f"{select} ORDER BY started_at", parameters)


@settings(
    max_examples=15,
    deadline=None,
    # One ledger for all examples, since nothing is written; two hundred spans each, which take minutes to make fewer.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large, HealthCheck.too_slow],
    phases=[Phase.generate],
)
@given(_SPANS)
def test_any_amount_is_read_as_before(ledger: Ledger, spans: list[tuple[str, str, str, str]]) -> None:
    """Whatever a span states, its record is the one that arithmetic of 256 bits alone makes of it."""
    assert _rows(ledger, _SINCE, spans) == _rows(ledger, _BEFORE, spans)


def test_amounts_at_the_limits_are_read_as_before(ledger: Ledger) -> None:
    """The longest short amounts, the shortest long ones, and what is no amount make the records they made."""
    spans = [
        span
        for amount in _AT_THE_LIMITS
        for span in ((amount, "", "", ""), ("1", amount, "", ""), ("", "", amount, ""), (amount, amount, "", ""))
    ]

    rows = _rows(ledger, _SINCE, spans)

    assert rows == _rows(ledger, _BEFORE, spans)
    assert {row["source"] for row in rows} == {"provider", "unpriced"}
