"""What was paid for twice or for nothing: repeated calls and failed ones."""

from string import Template

from pydantic import BaseModel, Field

from spanledger_api.amounts import Amount
from spanledger_api.recommendations.advice import Brief, Kind, Priority, Recommendation, Saving, evidence, recommend
from spanledger_api.rows import amount, ask, integer, text

__all__ = ["duplicate_calls", "retry_waste"]

# Equal in user, operation, size of the prompt and quantity, and at most ten minutes after the one before. Only services
# whose quantity tells one input from another: parts of an upload are all of one size.
_DUPLICATES = Template("""
SELECT
    user_id, service, operation, count() AS repeats, sum(toDecimal256(record.4, 12)) AS cost,
    groupArraySorted(5)(record) AS records
FROM
(
    SELECT
        user_id, service, operation,
        arrayJoin(arrayFilter(
            (call, before) -> call.1 - before.1 <= 600000000000, arrayPopFront(alike), arrayPopBack(alike))) AS record
    FROM
    (
        SELECT
            user_id, service, operation,
            arraySort(groupArray(
                (toUnixTimestamp64Nano(started_at), trace_id, span_id, total_cost, execution_id))) AS alike
        FROM cost_records
        WHERE service IN ('openai', 'whisper', 'google_video_ai') AND status = 'success' AND quantity > 0
            AND total_cost > 0 AND $where
        GROUP BY user_id, service, operation, model, quantity, metadata['prompt_tokens']
        HAVING count() > 1
    )
)
GROUP BY user_id, service, operation
HAVING repeats >= 3
ORDER BY cost DESC, user_id, service, operation
LIMIT 3
""")
_RETRIES = Template("""
SELECT
    service, operation, count() AS failures, sum(toDecimal256(total_cost, 12)) AS cost,
    sumIf(toDecimal256(total_cost, 12), execution_id != '' AND next_status = 'success') AS retried,
    groupArraySorted(5)((started_ns, trace_id, span_id, total_cost, execution_id)) AS records
FROM
(
    SELECT
        service, operation, execution_id, status, total_cost, trace_id, span_id,
        toUnixTimestamp64Nano(started_at) AS started_ns,
        leadInFrame(status) OVER
        (
            PARTITION BY execution_id, service, operation
            ORDER BY started_at, trace_id, span_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS next_status
    FROM cost_records
    WHERE $where AND (execution_id, service, operation) IN
    (
        SELECT execution_id, service, operation
        FROM cost_records
        WHERE status = 'failed' AND total_cost > 0 AND $where
    )
)
WHERE status = 'failed' AND total_cost > 0
GROUP BY service, operation
ORDER BY cost DESC, service, operation
LIMIT 3
""")


class Repeats(BaseModel):
    """Calls that repeat an earlier one."""

    user_id: str = Field(description="Empty: calls that name no user.")
    service: str
    operation: str
    repeats_count: int = Field(description="Calls that repeat one of at most ten minutes before.")
    total_cost: Amount = Field(description="What the repeats cost.")


class Failures(BaseModel):
    """Calls that failed and were paid for."""

    service: str
    operation: str
    failures_count: int
    total_cost: Amount = Field(description="What they cost.")
    retried_cost: Amount = Field(description="What those cost that the same execution then repeated with success.")


def duplicate_calls(brief: Brief) -> list[Recommendation]:
    """Operations that one user repeats within minutes, from three repeats on.

    That two calls are of one size does not prove that they ask the same, so the saving begins at 0.
    """
    advice: list[Recommendation] = []
    for row in ask(brief.ledger, _DUPLICATES, brief.where):
        data = Repeats(
            user_id=text(row, "user_id"),
            service=text(row, "service"),
            operation=text(row, "operation"),
            repeats_count=integer(row, "repeats"),
            total_cost=amount(row, "cost"),
        )
        words = {
            "operation": data.operation,
            "count": str(data.repeats_count),
            "total_cost": brief.money(data.total_cost),
        }
        advice.append(
            recommend(
                brief,
                Kind.DUPLICATE_CALLS,
                Priority.MEDIUM,
                data,
                words,
                subject=(data.user_id, data.service, data.operation),
                saving=Saving(amount(row, "cost") * 0, data.total_cost),
                records=evidence(row["records"]),
            )
        )
    return advice


def retry_waste(brief: Brief) -> list[Recommendation]:
    """Operations whose failed calls were paid for: at least what was then repeated, at most all of it can be saved."""
    advice: list[Recommendation] = []
    for row in ask(brief.ledger, _RETRIES, brief.where):
        data = Failures(
            service=text(row, "service"),
            operation=text(row, "operation"),
            failures_count=integer(row, "failures"),
            total_cost=amount(row, "cost"),
            retried_cost=amount(row, "retried"),
        )
        words = {
            "operation": data.operation,
            "count": str(data.failures_count),
            "total_cost": brief.money(data.total_cost),
        }
        advice.append(
            recommend(
                brief,
                Kind.RETRY_WASTE,
                Priority.MEDIUM,
                data,
                words,
                subject=(data.service, data.operation),
                saving=Saving(data.retried_cost, data.total_cost),
                records=evidence(row["records"]),
            )
        )
    return advice
