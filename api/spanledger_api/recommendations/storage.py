"""What is stored and not read any more: objects of S3 that nobody has fetched for two weeks."""

from datetime import timedelta
from decimal import Decimal
from string import Template
from typing import Final

from pydantic import BaseModel, Field

from spanledger.attributes import COST_METADATA_PREFIX
from spanledger_api.amounts import Amount
from spanledger_api.recommendations.advice import Brief, Kind, Priority, Recommendation, Saving, evidence, recommend
from spanledger_api.rows import amount, ask, integer, text
from spanledger_api.times import nanoseconds_of

__all__ = ["idle_storage"]

_IDLE_DAYS: Final = 14
_GIB: Final = Decimal(1024**3)

# Reads are spans, whether they cost something or not. A key that is stored again replaces what was there; the parts of
# an upload are pieces of one object. Only buckets of which something is read are looked at: elsewhere the readers may
# not be metered, and nothing would be known.
_IDLE: Final = Template("""
WITH read AS
(
    SELECT SpanAttributes[{bucket_attribute:String}] AS bucket, SpanAttributes[{key_attribute:String}] AS key
    FROM otel_traces
    WHERE SpanName = 'S3.GetObject' AND Timestamp >= fromUnixTimestamp64Nano({idle_since:Int64}, 'UTC')
    GROUP BY bucket, key
)
SELECT
    bucket, count() AS objects, toInt64(sum(object_bytes)) AS bytes, sum(object_cost) AS cost,
    groupArraySorted(5)(newest) AS records
FROM
(
    SELECT
        bucket, key, sum(part_bytes) AS object_bytes, sum(toDecimal256(part_cost, 12)) AS object_cost,
        max(newest_part) AS newest
    FROM
    (
        SELECT
            metadata['bucket'] AS bucket, metadata['key'] AS key, metadata['part'] AS part,
            argMax(toInt64OrZero(metadata['bytes']), (started_at, span_id)) AS part_bytes,
            argMax(total_cost, (started_at, span_id)) AS part_cost,
            max((toUnixTimestamp64Nano(started_at), trace_id, span_id, total_cost, execution_id)) AS newest_part
        FROM cost_records
        WHERE service = 's3' AND operation IN ('upload', 'copy') AND status = 'success'
            AND metadata['key'] != '' AND $where
        GROUP BY bucket, key, part
    )
    GROUP BY bucket, key
    HAVING newest.1 < {idle_since:Int64}
)
WHERE bucket IN (SELECT bucket FROM read) AND (bucket, key) NOT IN (SELECT bucket, key FROM read)
GROUP BY bucket
HAVING cost > 0
ORDER BY cost DESC, bucket
LIMIT 3
""")


class IdleObjects(BaseModel):
    """Objects of a bucket that are not read."""

    bucket: str
    objects_count: int = Field(description="Objects stored in the window, over two weeks ago, and not read since.")
    bytes_stored: int = Field(description="Their size.")
    total_cost: Amount = Field(description="What storing them was charged: a month at the price of the book.")
    idle_days: int = Field(description="For how many days at least nobody has read them.")


def idle_storage(brief: Brief) -> list[Recommendation]:
    """Buckets with objects that nobody has read for two weeks, where others of the bucket were read.

    At most the price of a month is saved, each month, which is what an upload is charged. It may be nothing: reads past
    the metered clients, by presigned addresses or a content network, are not seen, nor is what was deleted meanwhile.
    """
    idle_since = nanoseconds_of(brief.now - timedelta(days=_IDLE_DAYS))
    rows = ask(
        brief.ledger,
        _IDLE,
        brief.where,
        idle_since=idle_since,
        bucket_attribute=f"{COST_METADATA_PREFIX}bucket",
        key_attribute=f"{COST_METADATA_PREFIX}key",
    )
    advice: list[Recommendation] = []
    for row in rows:
        data = IdleObjects(
            bucket=text(row, "bucket"),
            objects_count=integer(row, "objects"),
            bytes_stored=integer(row, "bytes"),
            total_cost=amount(row, "cost"),
            idle_days=_IDLE_DAYS,
        )
        words = {
            "bucket": data.bucket,
            "count": str(data.objects_count),
            "size": f"{(data.bytes_stored / _GIB):.2f}",
            "days": str(_IDLE_DAYS),
            "saving": brief.money(data.total_cost),
        }
        advice.append(
            recommend(
                brief,
                Kind.IDLE_STORAGE,
                Priority.LOW,
                data,
                words,
                subject=(data.bucket,),
                saving=Saving(Decimal(0), data.total_cost),
                records=evidence(row["records"]),
            )
        )
    return advice
