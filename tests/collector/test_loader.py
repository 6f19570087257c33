"""Loading: unreadable requests never block or lose their neighbours."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from spanledger_collector.frames import frame
from spanledger_collector.pipeline import Pipeline
from tests.collector.otlp_requests import paid, request_of, spans_of

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger


def _leave_segment(ledger: Ledger, *bodies: bytes, suffix: str = ".segment", tail: bytes = b"") -> None:
    """Put a segment where an earlier process would have left it."""
    assert ledger.dsn.path is not None
    (ledger.dsn.path / "segments").mkdir(parents=True, exist_ok=True)
    path = (ledger.dsn.path / "segments") / f"{1:020d}-feedbeef{suffix}"
    path.write_bytes(b"".join(map(frame, bodies)) + tail)


def _run_once(ledger: Ledger) -> Pipeline:
    pipeline = Pipeline(ledger)
    pipeline.start()
    assert pipeline.stop(timeout=20)
    assert pipeline.log.pending_bytes == 0
    return pipeline


def _total(ledger: Ledger) -> object:
    return ledger.query("SELECT sum(total_cost) AS total FROM cost_records")[0]["total"]


def test_what_an_earlier_process_left_is_loaded(ledger: Ledger) -> None:
    """An open segment is loaded up to the frame that was cut short, and whoever waits for loads is told."""
    whole = [request_of(paid("0.1")).SerializeToString(), request_of(paid("0.2")).SerializeToString()]
    _leave_segment(ledger, *whole, suffix=".open", tail=frame(request_of(paid("9")).SerializeToString())[:-1])

    ledger.loaded.clear()
    _run_once(ledger)

    assert _total(ledger) == Decimal("0.3")
    assert ledger.loaded.is_set()
    assert ledger.dsn.path is not None
    assert list((ledger.dsn.path / "segments").iterdir()) == []


def test_a_wire_type_that_only_clickhouse_refuses_is_mended(ledger: Ledger) -> None:
    """A field of the wrong wire type, which protobuf takes as unknown, costs neither its span nor its neighbours."""
    odd = request_of(paid("0.1"))
    # Field 5 of a span is its name, a string; here it stands a second time as a number.
    spans_of(odd)[0].MergeFromString(b"\x28\x07")
    _leave_segment(
        ledger,
        request_of(paid("0.2")).SerializeToString(),
        odd.SerializeToString(),
        request_of(paid("0.4")).SerializeToString(),
    )

    pipeline = _run_once(ledger)

    assert _total(ledger) == Decimal("0.7")
    assert pipeline.quarantine.entries() == []


def test_an_unreadable_request_is_set_aside_alone(ledger: Ledger) -> None:
    """One poison request among seven is kept apart with its reason, and the six others are counted."""
    bodies = [request_of(paid("0.1")).SerializeToString() for _ in range(6)]
    _leave_segment(ledger, *bodies[:4], b"\x0a\x7fpoison", *bodies[4:])

    pipeline = _run_once(ledger)

    assert _total(ledger) == Decimal("0.6")
    [entry] = pipeline.quarantine.entries()
    assert entry.path.read_bytes() == b"\x0a\x7fpoison"
    assert entry.reason
    pipeline.quarantine.remove(entry)
    assert pipeline.quarantine.entries() == []


def test_spans_of_many_days_are_one_segment(ledger: Ledger) -> None:
    """Two hundred days in one request exceed the engine's usual limit of partitions, and are loaded all the same."""
    request = request_of(*[paid("0.01")] * 200)
    for day, span in enumerate(spans_of(request)):
        span.start_time_unix_nano -= day * 86_400 * 10**9
        span.end_time_unix_nano -= day * 86_400 * 10**9
    _leave_segment(ledger, request.SerializeToString())

    _run_once(ledger)

    assert _total(ledger) == Decimal(2)


def test_odd_values_throw_nothing(ledger: Ledger) -> None:
    """Amounts that are none, times that run backwards and identifiers of any length make records, not failures."""
    request = request_of(
        paid("NaN"), paid("1e400"), paid("free"), paid(""), paid("-1"), paid("9" * 60), paid("1e-30"), paid("0.5")
    )
    spans = spans_of(request)
    spans[0].end_time_unix_nano = 0
    spans[1].start_time_unix_nano = 2**64 - 1
    spans[2].trace_id = b"\1" * 40
    spans[3].span_id = b""
    _leave_segment(ledger, request.SerializeToString())

    pipeline = _run_once(ledger)

    assert pipeline.quarantine.entries() == []
    rows = ledger.query("SELECT source, total_cost, reason, duration FROM cost_records ORDER BY total_cost, reason")
    assert [(row["source"], row["total_cost"]) for row in rows] == [
        ("provider", Decimal(-1)),
        ("provider", Decimal(0)),
        *[("unpriced", Decimal(0))] * 5,
        ("provider", Decimal("0.5")),
    ]
    assert {row["reason"] for row in rows if row["source"] == "unpriced"} == {
        "no amount was stated",
        "the stated total cost is not an amount",
    }
