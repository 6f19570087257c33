"""What analysts ask works: the engine's SQL, as far as it reads the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

_QUERIES = [
    "SELECT 1",
    "select user_id, sum(total_cost) as cost from cost_records group by user_id order by cost desc limit 10",
    ("SELECT user_id, service, sum(total_cost) FROM spanledger.cost_records GROUP BY user_id, service WITH ROLLUP"),
    (
        "SELECT c.user_id, e.status FROM cost_records AS c INNER JOIN task_executions AS e ON "
        "c.execution_id = e.execution_id"
    ),
    "SELECT * FROM cost_records c LEFT JOIN performance_records p USING (execution_id) LIMIT 5",
    "SELECT a.n, b.n FROM (SELECT 1 AS n) a ASOF JOIN (SELECT 1 AS n) b ON a.n = b.n AND a.n >= b.n",
    (
        "WITH daily AS (SELECT toDate(started_at) AS day, sum(total_cost) AS cost FROM cost_records "
        "GROUP BY day) SELECT day, cost, sum(cost) OVER (ORDER BY day) FROM daily"
    ),
    "WITH 0.5 AS share SELECT quantile(share)(duration) FROM performance_records",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t",
    (
        "SELECT service, total_cost, row_number() OVER (PARTITION BY service ORDER BY total_cost DESC) "
        "AS place FROM cost_records QUALIFY place <= 3"
    ),
    (
        "SELECT lagInFrame(total_cost) OVER w, rank() OVER w FROM cost_records WINDOW w AS (PARTITION BY "
        "user_id ORDER BY started_at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"
    ),
    "SELECT arrayJoin([1, 2, 3]) AS n",
    "SELECT k, v FROM cost_records ARRAY JOIN mapKeys(metadata) AS k, mapValues(metadata) AS v",
    "SELECT metadata['model'], mapContains(metadata, 'model') FROM cost_records",
    "SELECT SpanAttributes['cost.service'], Events.Name FROM otel_traces ARRAY JOIN Events",
    (
        "SELECT quantiles(0.5, 0.95, 0.99)(duration), quantileTDigest(0.95)(duration), median(duration) "
        "FROM performance_records"
    ),
    ("SELECT step_name, quantileIf(0.95)(duration, status = 'success') FROM performance_records GROUP BY step_name"),
    ("SELECT dateDiff('day', min(started_at), max(started_at)), date_diff('hour', now(), now()) FROM cost_records"),
    (
        "SELECT toStartOfInterval(started_at, INTERVAL 1 HOUR) AS hour, count() FROM cost_records GROUP "
        "BY hour ORDER BY hour WITH FILL STEP INTERVAL 1 HOUR"
    ),
    (
        "SELECT started_at FROM cost_records WHERE started_at >= now() - INTERVAL 30 DAY AND "
        "toYYYYMM(started_at) = 202601"
    ),
    ("SELECT CASE WHEN total_cost > 1 THEN 'high' ELSE 'low' END AS band, count() FROM cost_records GROUP BY band"),
    "SELECT CASE service WHEN 'openai' THEN 1 ELSE 0 END FROM cost_records",
    (
        "SELECT toDecimal128(1, 4) / 3, CAST('1.5' AS Decimal(10, 2)), '2'::UInt8, toFloat64(total_cost) "
        "FROM cost_records"
    ),
    (
        "SELECT uniqExact(user_id), uniq(execution_id), countDistinct(user_id), count(DISTINCT user_id), "
        "topK(3)(service) FROM cost_records"
    ),
    (
        "SELECT argMax(operation, total_cost), groupArray(10)(service), groupUniqArray(unit), "
        "any(user_id) FROM cost_records"
    ),
    (
        "SELECT sumIf(total_cost, service = 'openai'), avgOrNull(total_cost), sum(total_cost) FILTER "
        "(WHERE unit = 'tokens') FROM cost_records"
    ),
    (
        "SELECT user_id FROM cost_records WHERE service IN ('openai', 's3') AND user_id NOT IN (SELECT "
        "user_id FROM task_executions WHERE status = 'failed')"
    ),
    "SELECT user_id FROM cost_records WHERE execution_id IN (SELECT execution_id FROM task_executions)",
    "SELECT 1 AS x, [1, 2] AS xs WHERE x IN xs",
    "SELECT (SELECT max(total_cost) FROM cost_records) AS top, EXISTS(SELECT 1 FROM cost_records)",
    "SELECT DISTINCT ON (user_id) user_id, started_at FROM cost_records ORDER BY user_id, started_at DESC",
    "SELECT * FROM cost_records ORDER BY total_cost DESC NULLS LAST LIMIT 2 BY user_id LIMIT 10 OFFSET 0",
    "SELECT count() FROM cost_records GROUP BY GROUPING SETS ((user_id), (service), ())",
    "SELECT user_id, count() FROM cost_records GROUP BY ALL HAVING count() > 0 ORDER BY ALL",
    "SELECT * EXCEPT (metadata), total_cost * 2 AS twice FROM cost_records",
    "SELECT * REPLACE (round(total_cost, 2) AS total_cost) FROM cost_records",
    "SELECT COLUMNS('cost') APPLY(sum) FROM cost_records",
    "SELECT COLUMNS(total_cost, quantity) APPLY(x -> x + 1) FROM cost_records",
    (
        "SELECT lower(operation), substring(operation, 1, 5), replaceRegexpAll(operation, '[0-9]', '#'), "
        "splitByChar('_', operation), extract(operation, 'gpt-[0-9]') FROM cost_records WHERE operation "
        "ILIKE '%gpt%' OR match(operation, 'x')"
    ),
    (
        "SELECT arrayMap(x -> x * 2, [1, 2]), arrayFilter((x, y) -> y > 1, [1, 2], [1, 2]), "
        "arraySum([1]), tuple(1, 'a').1, map('a', 1)"
    ),
    (
        "SELECT JSONExtractString('{\"a\": \"b\"}', 'a'), toJSONString(map('a', 1)), "
        "formatReadableSize(1024), bar(1, 0, 10, 10)"
    ),
    (
        "SELECT if(total_cost = 0, NULL, total_cost) AS c, coalesce(c, 0), nullIf(c, 0), ifNull(c, 0), "
        "greatest(1, 2) FROM cost_records"
    ),
    "SELECT number, number % 3 = 0 ? 'fizz' : toString(number) FROM numbers(15)",
    "SELECT * FROM generateSeries(1, 5)",
    "SELECT * FROM values('a String, b UInt8', ('x', 1), ('y', 2))",
    "SELECT 1 UNION ALL SELECT 2 UNION DISTINCT SELECT 2 EXCEPT SELECT 3",
    "(SELECT 1 INTERSECT SELECT 1)",
    "SELECT total_cost FROM cost_records FORMAT JSON",
    "SELECT total_cost FROM cost_records FORMAT CSVWithNames",
    "SELECT total_cost FROM cost_records FORMAT Parquet",
    "SELECT service, total_cost FROM cost_records FORMAT PrettyCompact",
    "SELECT database, name, engine, total_rows FROM system.tables WHERE database = 'spanledger'",
    "SELECT name, type, comment FROM system.columns WHERE database = 'spanledger' AND table = 'cost_records'",
    "SELECT name FROM system.databases",
    "SELECT name, is_aggregate FROM system.functions WHERE name LIKE 'quantile%' LIMIT 5",
    ("SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'spanledger'"),
    "SELECT table_name FROM INFORMATION_SCHEMA.TABLES",
    "SELECT schema_name FROM information_schema.schemata",
    "SHOW DATABASES",
    "SHOW TABLES",
    "SHOW TABLES FROM spanledger LIKE 'cost%'",
    "SHOW CREATE TABLE cost_records",
    "DESCRIBE TABLE cost_records",
    "DESC otel_traces FORMAT JSON",
    "DESCRIBE (SELECT * FROM cost_records)",
    "EXISTS TABLE cost_records",
    (
        "-- a comment with ; and 'settings x = 1'\nSELECT /* INTO OUTFILE 'x' */ 'a; b -- c', \"service\" "
        "FROM `cost_records`"
    ),
    "SELECT version(), timezone(), currentDatabase(), currentUser(), toTypeName(1)",
    "SELECT name, value FROM system.settings WHERE name = 'max_threads'",
    "SELECT sparkbar(10)(toUnixTimestamp(started_at), duration_ns) FROM cost_records",
    (
        "SELECT windowFunnel(3600)(toDateTime(started_at), service = 's3', service = 'openai') FROM "
        "cost_records GROUP BY execution_id"
    ),
    (
        "SELECT corr(duration, toFloat64(total_cost)), stddevPop(duration), "
        "simpleLinearRegression(duration, duration) FROM cost_records"
    ),
    "SELECT sum(total_cost) AS settings FROM cost_records",
    (
        "SELECT toDate('2026-01-01'), DATE '2026-01-01', timestamp '2026-01-01 00:00:00', EXTRACT(YEAR "
        "FROM now()), date_trunc('month', now())"
    ),
]


@pytest.mark.parametrize("query", _QUERIES)
def test_it_is_answered(asking: httpx.Client, query: str) -> None:
    """Each statement passes the screen and runs."""
    answer = asking.post("/", content=query.encode())
    assert answer.status_code == 200, answer.text


def test_there_are_many() -> None:
    """The list holds at least 40 statements."""
    assert len(_QUERIES) >= 40
