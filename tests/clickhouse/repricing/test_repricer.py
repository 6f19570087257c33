"""Re-pricing shows a difference, writes it once and traceably, and takes it back."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger.exceptions import InvalidRequestError, OverloadedError
from spanledger.pricing import Calculator, PriceBook
from spanledger_clickhouse.rating import Rater
from spanledger_clickhouse.repricing import BatchState, Repricer, Scope, read_batches
from tests.clickhouse.repricing.conftest import EVERYTHING, START, arrive, chat, records, transcription

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

_NEW_CHAT = Decimal("0.046")  # 600 at 0.02, 400 at 0.01, 500 at 0.06 per 1,000
_NEW_STT = Decimal("0.027")


def _fill(ledger: Ledger) -> None:
    arrive(ledger, 1, chat())
    arrive(ledger, 2, chat("u2"), day=1)
    arrive(ledger, 3, transcription())
    arrive(ledger, 4, {"cost.service": "fal", "cost.total_cost": "0.5", "user.id": "u1"})


def _totals(ledger: Ledger) -> dict[str, Decimal]:
    return {str(row["span_id"])[-1]: Decimal(str(row["total_cost"])) for row in records(ledger)}


def test_a_preview_adds_up_and_writes_nothing(ledger: Ledger, repricer: Repricer) -> None:
    """Before, after and difference stand by service, user and day; stated amounts stay."""
    _fill(ledger)

    preview = repricer.preview(EVERYTHING)

    [total] = preview.totals.values()
    assert (total.before, total.after) == (Decimal("0.629"), Decimal("0.619"))
    assert (total.changed, total.unchanged, total.unpriceable) == (3, 1, 0)
    assert preview.by["service"]["USD", "openai"].difference == Decimal("-0.028")
    assert preview.by["user"]["USD", "u2"].difference == Decimal("0.004")
    assert preview.by["day"]["USD", "2026-11-03"].difference == Decimal("-0.014")
    assert _totals(ledger)["1"] == Decimal("0.06")
    assert read_batches(ledger) == []


def test_records_and_adjustments_change_together(ledger: Ledger, repricer: Repricer) -> None:
    """Each changed record shows its new price, and an adjustment says what it was, who asked and why."""
    _fill(ledger)

    batch = repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="contract", by="ann")

    assert _totals(ledger) == {"1": _NEW_CHAT, "2": _NEW_CHAT, "3": _NEW_STT, "4": Decimal("0.5")}
    stt = records(ledger)[2]
    assert (stt["quantity"], stt["unit"], stt["price_id"]) == (Decimal(90), "seconds", "own/whisper/2026-11-01")
    assert stt["duration"] == 2.0
    [kept] = read_batches(ledger)
    assert (kept.state, kept.adjustments, kept.difference) == (BatchState.APPLIED, 3, {"USD": Decimal("-0.01")})
    [told] = ledger.query("SELECT * FROM adjustments WHERE service = 'whisper'")
    assert told["record_id"] == stt["record_id"]
    assert (told["total_cost_before"], told["total_cost_after"]) == (Decimal("0.009"), _NEW_STT)
    assert (told["price_id_before"], told["price_id_after"]) == ("whisper/whisper-1/2023-03-01", stt["price_id"])
    assert (told["why"], told["recorded_by"], told["batch_id"]) == ("contract", "ann", batch.batch_id)
    [exact] = ledger.query("SELECT toString(started_at) AS at FROM adjustments WHERE service = 'whisper'")
    assert str(exact["at"]).endswith(".123456789")
    assert repricer.preview(EVERYTHING).changed == 0


def test_redelivery_changes_nothing(ledger: Ledger, repricer: Repricer) -> None:
    """The span that comes again neither undoes the new amount nor doubles the record."""
    _fill(ledger)
    repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="ann")

    _fill(ledger)

    assert _totals(ledger) == {"1": _NEW_CHAT, "2": _NEW_CHAT, "3": _NEW_STT, "4": Decimal("0.5")}


def test_a_scope_narrows(ledger: Ledger, repricer: Repricer) -> None:
    """Service, user and time each leave the rest alone."""
    _fill(ledger)

    assert repricer.preview(Scope(START, EVERYTHING.end, service="whisper")).changed == 1
    assert repricer.preview(Scope(START, EVERYTHING.end, user_id="u2")).changed == 2
    assert repricer.preview(Scope(START, START + 86_400 * 10**9)).changed == 2


def test_undo_restores_every_column(ledger: Ledger, repricer: Repricer) -> None:
    """The reverse is a batch of its own, linked to what it reverses, and can itself be undone."""
    _fill(ledger)
    before = records(ledger)
    batch = repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="ann")
    after = records(ledger)

    assert repricer.preview_undo(batch.batch_id).differences == {"USD": Decimal("0.01")}
    undone = repricer.undo(batch.batch_id, reason="wrong contract", by="bob")

    assert records(ledger) == before
    assert (undone.undoes, undone.difference) == (batch.batch_id, {"USD": Decimal("0.01")})
    linked = ledger.query(
        "SELECT count() AS n FROM adjustments AS a INNER JOIN adjustments AS b ON b.undoes = toString(a.adjustment_id) "
        "WHERE a.difference = -b.difference"
    )
    assert linked == [{"n": 3}]
    with pytest.raises(InvalidRequestError, match=undone.batch_id):
        repricer.undo(batch.batch_id, reason="", by="bob")
    repricer.undo(undone.batch_id, reason="it was right", by="bob")
    assert records(ledger) == after


def test_only_an_applied_batch_can_be_undone(repricer: Repricer) -> None:
    """A name that no batch has is refused and says where the names are."""
    with pytest.raises(InvalidRequestError, match="reprice list"):
        repricer.undo("nothing", reason="", by="bob")


def test_what_cannot_be_priced_again_is_named(ledger: Ledger, repricer: Repricer) -> None:
    """Tokens that do not explain the amount, a row that the book lacks, and no price at all keep the record."""
    cached = {name: value for name, value in chat().items() if not name.startswith("gen_ai.usage")}
    arrive(ledger, 1, {**cached, "cost.total_cost": "0.05"})
    arrive(ledger, 2, {**chat(), "cost.price_id": "ours/1"})
    arrive(ledger, 3, {"cost.service": "fal", "cost.quantity": "1", "cost.unit": "images", "cost.source": "unpriced"})

    preview = repricer.preview(EVERYTHING)

    assert preview.changed == 0
    reasons = sorted(preview.unpriceable)
    assert [reasons[0].split(",")[0], reasons[1].split(";")[0].split(",")[0], reasons[2].split(";")[0]] == [
        "it keeps its tokens only",
        "it was charged by ours/1",
        "nothing prices fal",
    ]


def test_records_from_before_usage_was_kept(ledger: Ledger, repricer: Repricer) -> None:
    """Tokens in the metadata are enough where they explain the amount, and so is a bare quantity."""
    bare = {name: value for name, value in chat().items() if not name.startswith("gen_ai.usage")}
    del bare["gen_ai.provider.name"]
    arrive(ledger, 1, bare)
    arrive(ledger, 2, {name: value for name, value in transcription().items() if name != "cost.usage.seconds"})

    repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="ann")

    assert _totals(ledger) == {"1": Decimal("0.05"), "2": _NEW_STT}


def test_a_changed_ledger_needs_a_new_preview(ledger: Ledger, repricer: Repricer) -> None:
    """What was not shown is not written."""
    _fill(ledger)
    preview = repricer.preview(EVERYTHING)
    arrive(ledger, 5, chat())

    with pytest.raises(OverloadedError, match="since the preview"):
        repricer.reprice(EVERYTHING, preview, reason="", by="ann")

    assert _totals(ledger)["1"] == Decimal("0.06")
    assert [batch.state for batch in read_batches(ledger)] == [BatchState.ABANDONED]
    assert ledger.query("SELECT count() AS n FROM adjustments") == [{"n": 0}]


_FOREIGN = {"gen_ai.usage.input_tokens": "1000", "gen_ai.usage.output_tokens": "500", "gen_ai.request.model": "gpt-4"}


def test_a_later_decision_of_the_rater_keeps_the_new_amount(ledger: Ledger, repricer: Repricer) -> None:
    """A span that joins a re-priced trace makes the rater decide again, but not at the old price."""
    rater = Rater(ledger, Calculator(PriceBook.built_in()))
    arrive(ledger, 1, _FOREIGN, trace=9)
    rater.rate_pending()
    assert _totals(ledger) == {"1": Decimal("0.06")}
    repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="ann")

    arrive(ledger, 2, {**_FOREIGN, "gen_ai.response.id": "r"}, trace=9)
    rater.rate_pending()

    assert _totals(ledger) == {"1": Decimal("0.05"), "2": Decimal("0.06")}
    repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="ann")
    assert _totals(ledger) == {"1": Decimal("0.05"), "2": Decimal("0.05")}


def test_the_rater_decides_whether_a_repriced_record_counts(ledger: Ledger, repricer: Repricer) -> None:
    """A re-priced record that turns out to repeat its child goes, also if that was found while it was re-priced."""
    rater = Rater(ledger, Calculator(PriceBook.built_in()))
    arrive(ledger, 1, _FOREIGN, trace=9)
    rater.rate_pending()
    repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="ann")

    ledger.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, Duration, SpanAttributes) "
        "SELECT Timestamp, TraceId, {span:String}, SpanId, 'inner', 1, SpanAttributes FROM otel_traces",
        {"span": f"{2:016x}"},
    )
    # A rater that had read the adjustments' table before the batch was committed would write such a decision.
    ledger.command(
        "INSERT INTO cost_records_local SELECT * REPLACE (1 AS is_deleted, 1790000000000 AS version) "
        "FROM cost_records_local FINAL"
    )
    assert _totals(ledger) == {"1": Decimal("0.05")}
    rater.withdraw_repeats([f"{9:032x}"])

    assert _totals(ledger) == {}
