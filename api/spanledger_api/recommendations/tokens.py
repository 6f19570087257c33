"""Cheaper tokens: prompts that could be cached, models that cost less, answers that are too long."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from string import Template
from typing import cast

from pydantic import BaseModel, Field

from spanledger.pricing import CostSource, Usage
from spanledger_api.amounts import Amount, average
from spanledger_api.recommendations.advice import (
    Brief,
    Evidence,
    Kind,
    Priority,
    Recommendation,
    Saving,
    dearest_first,
    recommend,
)
from spanledger_api.rows import Row, amount, ask, integer, text

__all__ = ["cheaper_tokens"]

_MOST = 3
_CALLS_TO_JUDGE = 20
_CACHE_FROM_TOKENS = 1024
"""Providers cache no shorter beginning of a prompt."""
_CACHE_STEP_TOKENS = 128
_LONG = 4
"""How many times the median the 95th percentile must be for answers to count as oversized."""

# One row a prompt and model whose records state their tokens. Prices may depend on a call's size, so means are priced.
_CALLS = Template("""
SELECT
    operation, prompt, service, model, count() AS calls, sum(toDecimal256(total_cost, 12)) AS cost,
    toInt64(sum(asked)) AS asked_tokens, toInt64(sum(answered)) AS answered_tokens, toInt64(min(asked)) AS least_asked,
    toInt64(sum(cached)) AS cached_tokens,
    toInt64(quantileExactWeighted(0.5)(answered, 1)) AS median,
    toInt64(quantileExactWeighted(0.95)(answered, 1)) AS p95,
    groupArray(100000)(answered) AS answers,
    groupArraySorted(5)((-total_cost, started_ns, trace_id, span_id, execution_id)) AS dearest
FROM
(
    SELECT
        operation, service, model, total_cost, trace_id, span_id, execution_id,
        toUnixTimestamp64Nano(started_at) AS started_ns,
        if(prompt_category = '', prompt_name, concat(prompt_category, '/', prompt_name)) AS prompt,
        toUInt32OrZero(metadata['prompt_tokens']) AS asked,
        toUInt32OrZero(metadata['completion_tokens']) AS answered,
        toUInt32OrZero(metadata['cached_tokens']) AS cached
    FROM cost_records
    WHERE unit = 'tokens' AND status = 'success' AND total_cost > 0 AND model != '' AND metadata['prompt_tokens'] != ''
        AND currency = 'USD' AND $where
)
GROUP BY operation, prompt, service, model
ORDER BY cost DESC, operation, service, model
LIMIT 200
""")


class TokenSaving(BaseModel):
    """Calls of one operation that could have cost less."""

    operation: str
    model: str
    calls_count: int
    total_cost: Amount = Field(description="What they cost.")
    tokens: int = Field(
        description="What the advice is about: tokens to cache in each call, or tokens beyond the rest."
    )


class ModelSaving(BaseModel):
    """A prompt that a cheaper model answers too."""

    prompt: str
    model: str = Field(description="The dearer model.")
    cheaper_model: str = Field(description="The cheaper model that already answers the same prompt.")
    calls_count: int = Field(description="Calls of the dearer model.")
    total_cost: Amount = Field(description="What they cost.")
    cheaper_cost: Amount = Field(description="What they would have cost with the cheaper model, for as many tokens.")


@dataclass(frozen=True, slots=True)
class _Calls:
    """The calls of one prompt with one model."""

    operation: str
    prompt: str
    service: str
    model: str
    count: int
    cost: Decimal
    asked: int
    answered: int
    least_asked: int
    cached: int
    median: int
    p95: int
    answers: list[int]
    records: list[Evidence]

    @classmethod
    def of(cls, row: Row) -> "_Calls":
        """What a row of the question says: amounts exact, counts in tokens."""
        return cls(
            text(row, "operation"),
            text(row, "prompt"),
            text(row, "service"),
            text(row, "model"),
            integer(row, "calls"),
            amount(row, "cost"),
            integer(row, "asked_tokens"),
            integer(row, "answered_tokens"),
            integer(row, "least_asked"),
            integer(row, "cached_tokens"),
            integer(row, "median"),
            integer(row, "p95"),
            cast("list[int]", row["answers"]),
            dearest_first(row["dearest"]),
        )

    def priced(self, brief: Brief, model: str, *, cached: int = 0, cut: int = 0) -> Decimal | None:
        """What they would cost with a model, with tokens of each from the cache or with some answered ones less.

        Returns:
            The price of as many calls of mean size; None where the model has no price of its own.
        """
        quantities = {
            "input_tokens": average(Decimal(self.asked), self.count),
            "output_tokens": average(Decimal(self.answered - cut), self.count),
        }
        if cached:
            quantities["cached_input_tokens"] = Decimal(cached)
        charge = brief.calculator.charge(Usage(self.service, quantities, model), at=brief.now)
        if charge.source is not CostSource.PRICE_BOOK or charge.total_cost is None:
            return None
        return charge.total_cost * self.count


def cheaper_tokens(brief: Brief) -> list[Recommendation]:
    """Cheaper models, prompts that could be cached and answers that are too long, all from one reading of the calls."""
    # The price book is in dollars, so only dollars can be compared with it.
    calls = [_Calls.of(row) for row in ask(brief.ledger, _CALLS, brief.where)]
    return [*_cheaper_model(brief, calls), *_cacheable_prompt(brief, calls), *_oversized_completions(brief, calls)]


def _cacheable_prompt(brief: Brief, every: list[_Calls]) -> list[Recommendation]:
    """Prompts long enough to be cached that no record says are.

    The shortest prompt bounds what all of them can have in common; what they really share is not known, so the saving
    begins at 0.
    """
    found: list[tuple[Decimal, Recommendation]] = []
    for calls in every:
        shared = calls.least_asked // _CACHE_STEP_TOKENS * _CACHE_STEP_TOKENS
        if calls.count < _CALLS_TO_JUDGE or shared < _CACHE_FROM_TOKENS or calls.cached:
            continue
        now, then = calls.priced(brief, calls.model), calls.priced(brief, calls.model, cached=shared)
        if now is None or then is None or then >= now:
            continue
        high = min(calls.cost, (now - then) * (calls.count - 1) / calls.count)
        found.append((high, _token_advice(brief, Kind.CACHEABLE_PROMPT, calls, shared, Saving(Decimal(0), high))))
    return _best(found)


def _oversized_completions(brief: Brief, every: list[_Calls]) -> list[Recommendation]:
    """Operations a few of whose answers are far longer than the rest.

    Cutting answers at the 95th percentile saves least, cutting them at twice the median most.
    """
    found: list[tuple[Decimal, Recommendation]] = []
    for calls in every:
        if calls.count < _CALLS_TO_JUDGE or not calls.median or calls.p95 < _LONG * calls.median:
            continue
        now = calls.priced(brief, calls.model)
        beyond = [sum(max(0, each - limit) for each in calls.answers) for limit in (calls.p95, 2 * calls.median)]
        cut = [calls.priced(brief, calls.model, cut=tokens) for tokens in beyond]
        if now is None or cut[0] is None or cut[1] is None:
            continue
        saving = Saving(now - cut[0], now - cut[1])
        found.append((saving.high, _token_advice(brief, Kind.OVERSIZED_COMPLETIONS, calls, beyond[1], saving)))
    return _best(found)


def _cheaper_model(brief: Brief, every: list[_Calls]) -> list[Recommendation]:
    """Prompts that run with several models, one of which costs less for as many tokens.

    Whether its answers are as good is not in the ledger, so the saving begins at 0.
    """
    by_prompt: defaultdict[tuple[str, str], list[_Calls]] = defaultdict(list)
    for calls in every:
        if calls.prompt:
            by_prompt[calls.service, calls.prompt].append(calls)
    found: list[tuple[Decimal, Recommendation]] = []
    for same in by_prompt.values():
        for calls in same:
            now = calls.priced(brief, calls.model)
            prices = [(calls.priced(brief, model), model) for model in {other.model for other in same} - {calls.model}]
            then, model = min(((price, name) for price, name in prices if price is not None), default=(None, ""))
            if now is not None and then is not None and then < now:
                found.append((now - then, _model_advice(brief, calls, model, now, then)))
    return _best(found)


def _model_advice(brief: Brief, calls: _Calls, model: str, now: Decimal, then: Decimal) -> Recommendation:
    data = ModelSaving(
        prompt=calls.prompt,
        model=calls.model,
        cheaper_model=model,
        calls_count=calls.count,
        total_cost=calls.cost,
        cheaper_cost=then,
    )
    words = {"prompt": calls.prompt, "model": calls.model, "cheaper_model": model, "saving": brief.money(now - then)}
    return recommend(
        brief,
        Kind.CHEAPER_MODEL,
        Priority.HIGH,
        data,
        words,
        subject=(calls.service, calls.prompt, calls.model),
        saving=Saving(Decimal(0), now - then),
        records=calls.records,
    )


def _token_advice(brief: Brief, kind: Kind, calls: _Calls, tokens: int, saving: Saving) -> Recommendation:
    data = TokenSaving(
        operation=calls.operation,
        model=calls.model,
        calls_count=calls.count,
        total_cost=calls.cost,
        tokens=tokens,
    )
    words = {"operation": calls.operation, "tokens": str(tokens), "saving": brief.money(saving.high)}
    subject = (calls.service, calls.operation, calls.model)
    return recommend(brief, kind, Priority.MEDIUM, data, words, subject=subject, saving=saving, records=calls.records)


def _best(found: Iterable[tuple[Decimal, Recommendation]]) -> list[Recommendation]:
    ranked = sorted(found, key=lambda each: (-each[0], each[1].id))
    return [advice for _, advice in ranked[:_MOST]]
