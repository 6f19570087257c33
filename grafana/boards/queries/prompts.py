"""Which prompt and which model is expensive or slow."""

from __future__ import annotations

from boards.board import SQL_TAG, Board
from boards.clickhouse import SqlTarget
from boards.panels import Unit, bars, listing
from boards.queries.conditions import COSTS, FILTER_VARIABLES, MONEY, cost_by, cost_over_time

__all__ = ["PROMPTS"]

_NAME = "if(prompt_category = '', prompt_name, concat(prompt_category, '/', prompt_name))"
_PROMPTS = SqlTarget(
    sql=f"""
SELECT
    operation AS "Prompt", {MONEY} AS "Cost", "Cost" / count() AS "Cost of a call",
    avg(duration) AS "Duration of a call", count() AS "Calls"
{COSTS} AND service = 'openai'
GROUP BY "Prompt"
ORDER BY "Cost" DESC, "Prompt"
LIMIT 100
"""
)
_TOKENS = SqlTarget(
    sql=f"""
SELECT
    model AS "Model", sum(toUInt64OrZero(metadata['prompt_tokens'])) AS "Input",
    sum(toUInt64OrZero(metadata['completion_tokens'])) AS "Output",
    sum(toUInt64OrZero(metadata['cached_tokens'])) AS "Cached"
{COSTS} AND unit = 'tokens'
GROUP BY "Model"
ORDER BY "Input" DESC, "Model"
"""
)

PROMPTS = Board(
    name="prompts",
    title="Prompts (SQL)",
    about="What each prompt and each model costs, by SQL over cost_records.",
    tag=SQL_TAG,
    page="/prompts",
    variables=FILTER_VARIABLES,
    panels=(
        bars(
            "Cost over time by prompt",
            cost_over_time(_NAME),
            Unit.MONEY,
            "${__field.labels.group}",
            "An empty name: records of no prompt.",
        ),
        listing(
            "Prompts",
            _PROMPTS,
            {
                "Prompt": None,
                "Cost": Unit.MONEY,
                "Cost of a call": Unit.MONEY,
                "Duration of a call": Unit.DURATION,
                "Calls": Unit.COUNT,
            },
            "Model, category and name of the prompt.",
        ),
        listing(
            "Models",
            cost_by("model"),
            {"Group": None, "Cost": Unit.MONEY, "Operations": Unit.COUNT, "Unpriced": Unit.COUNT},
            "An empty name: records without a model.",
        ),
        listing(
            "Tokens by model",
            _TOKENS,
            {"Model": None, "Input": Unit.COUNT, "Output": Unit.COUNT, "Cached": Unit.COUNT},
            "Of records that tell them apart.",
        ),
    ),
)
