"""Bytes a record takes on disk, of records as engines write them.

Usage: ``python benchmarks/record_bytes.py [--records 2000000]``. Fills a fresh embedded ledger, inside the engine, with
executions of ninety days as the SDK sends them: one trace with a random identifier of 16 bytes, an identifier of their
own, one user, eight paid operations and eight steps within minutes, starts and durations to the nanosecond, amounts
that are tokens times a price, arrival half a second after the end, and the usage of a model's call or the key of a
stored object. Merges it and prints one line of JSON: bytes a record by table, and of a cost record by column.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

_COST_RECORDS = """
INSERT INTO cost_records_local
(
    started_at, trace_id, span_id, execution_id, user_id, service, operation, model, quantity, unit, unit_cost,
    total_cost, currency, source, price_id, duration_ns, status, task_type, step_name, prompt_category, prompt_name,
    metadata, usage, version
)
WITH
    intDiv(number, 8) AS execution,
    number % 8 AS position,
    position < 5 AS is_call,
    ['openai', 'openai', 'openai', 'openai', 'openai', 'whisper', 's3', 'cloudfront'][position + 1] AS paid_to,
    cityHash64(execution, 1) % (90 * 86400000000000) AS age_ns,
    toUInt64(exp(6 + 3 * (cityHash64(number, 2) % 1000000) / 1000000) * 1000000)
        + cityHash64(number, 3) % 1000000 AS took_ns,
    toDecimal128(if(is_call, 200 + cityHash64(number, 4) % 4000, cityHash64(number, 4) % 600000 / 1000), 3) AS amount,
    toDecimal128(if(is_call, '0.00003', '0.0001'), 12) AS price,
    now64(9) - toIntervalNanosecond(age_ns)
        + toIntervalNanosecond(position * 20000000000 + cityHash64(number, 5) % 9000000000) AS start,
    toDateTime64(start + toIntervalNanosecond(took_ns) + toIntervalMillisecond(500), 3) AS arrived
SELECT
    start, toFixedString(MD5(toString(execution)), 16), reinterpretAsFixedString(cityHash64(number, 6)),
    toString(reinterpretAsUUID(MD5(concat('execution', toString(execution))))),
    concat('user-', toString(cityHash64(execution, 7) % 10000)), paid_to,
    if(is_call, concat('gpt-4_video_prompt_', toString(position)), paid_to), if(is_call, 'gpt-4', ''),
    amount, if(is_call, 'tokens', 'units'), price, amount * price, 'USD', 'price_book', concat(paid_to, '/2024-01-01'),
    took_ns, 'success', 'video_generation', concat('step_', toString(position)),
    if(is_call, 'video', ''), if(is_call, concat('prompt_', toString(position)), ''),
    if(is_call, map(), map('bucket', 'media', 'key', concat('videos/', lower(hex(cityHash64(execution, 8))), '.mp4'))),
    if(is_call, map('gen_ai.usage.input_tokens', toString(toUInt32(amount * 0.75)),
        'gen_ai.usage.output_tokens', toString(toUInt32(amount * 0.25))), map()),
    -toUnixTimestamp64Milli(arrived)
FROM numbers({records:UInt64})
"""

_PERFORMANCE_RECORDS = """
INSERT INTO performance_records_local
SELECT started_at, trace_id, span_id, execution_id, user_id, task_type, step_name, duration_ns, status, error, map(),
    created_at, version
FROM cost_records_local
"""


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000_000)
    records: int = parser.parse_args().records
    with (
        tempfile.TemporaryDirectory(prefix="spanledger-bench-") as directory,
        open_ledger(f"chdb://{Path(directory) / 'ledger'}") as ledger,
    ):
        migrate(ledger)
        ledger.command(_COST_RECORDS, {"records": records})
        ledger.command(_PERFORMANCE_RECORDS)
        for table in ("cost_records_local", "performance_records_local"):
            ledger.command(f"OPTIMIZE TABLE {table} FINAL")
        figures = {"bytes_a_record": _by_table(ledger, records), "of_a_cost_record": _by_column(ledger, records)}
        print(json.dumps({"records": records, **figures}))


def _by_table(ledger: Ledger, records: int) -> dict[str, float]:
    rows = ledger.query(
        "SELECT table, sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = currentDatabase()"
        " AND table IN ('cost_records_local', 'performance_records_local') GROUP BY table ORDER BY table"
    )
    return {str(row["table"]): round(int(str(row["bytes"])) / records, 1) for row in rows}


def _by_column(ledger: Ledger, records: int) -> dict[str, float]:
    rows = ledger.query(
        "SELECT name, data_compressed_bytes AS bytes FROM system.columns"
        " WHERE database = currentDatabase() AND table = 'cost_records_local' ORDER BY bytes DESC"
    )
    found = {str(row["name"]): round(int(str(row["bytes"])) / records, 1) for row in rows}
    return {name: size for name, size in found.items() if size}


if __name__ == "__main__":
    main()
