-- The version of a row that the view writes is the negated time of its arrival, so that time need not stand there twice:
-- from here on `created_at` is stored only by what decides about a record later, whose version says another time. Rows that
-- have it keep it and are believed. `arrived_at` is the time for every row, and what all readers take (docs/adr/0017).
ALTER TABLE cost_records_local ADD COLUMN IF NOT EXISTS arrived_at DateTime64(3, 'UTC')
    ALIAS if(toUnixTimestamp64Milli(created_at) = 0, fromUnixTimestamp64Milli(greatest(-version, 0), 'UTC'), created_at);

ALTER TABLE performance_records_local ADD COLUMN IF NOT EXISTS arrived_at DateTime64(3, 'UTC')
    ALIAS if(toUnixTimestamp64Milli(created_at) = 0, fromUnixTimestamp64Milli(greatest(-version, 0), 'UTC'), created_at);

-- As before, with the time of every row.
CREATE OR REPLACE VIEW cost_records AS
WITH lower(hex(MD5(concat(cost_records_local.trace_id, cost_records_local.span_id)))) AS digest
SELECT
    toUUID(concat(
        substring(digest, 1, 8), '-', substring(digest, 9, 4), '-8', substring(digest, 14, 3),
        '-8', substring(digest, 18, 3), '-', substring(digest, 21, 12))) AS record_id,
    execution_id,
    user_id,
    service,
    operation,
    quantity,
    unit,
    unit_cost,
    total_cost,
    started_at,
    duration_ns / 1000000 AS duration,
    metadata,
    cost_records_local.arrived_at AS created_at,
    currency,
    source,
    price_id,
    reason,
    model,
    task_type,
    step_name,
    prompt_category,
    prompt_name,
    status,
    error,
    lower(hex(cost_records_local.trace_id)) AS trace_id,
    lower(hex(cost_records_local.span_id)) AS span_id,
    duration_ns
FROM cost_records_local FINAL;

CREATE OR REPLACE VIEW performance_records AS
WITH lower(hex(MD5(concat(performance_records_local.trace_id, performance_records_local.span_id)))) AS digest
SELECT
    toUUID(concat(
        substring(digest, 1, 8), '-', substring(digest, 9, 4), '-8', substring(digest, 14, 3),
        '-8', substring(digest, 18, 3), '-', substring(digest, 21, 12))) AS record_id,
    execution_id,
    user_id,
    task_type,
    step_name,
    started_at,
    addNanoseconds(started_at, duration_ns) AS completed_at,
    duration_ns / 1000000 AS duration,
    status,
    error,
    metadata,
    performance_records_local.arrived_at AS created_at,
    lower(hex(performance_records_local.trace_id)) AS trace_id,
    lower(hex(performance_records_local.span_id)) AS span_id,
    duration_ns
FROM performance_records_local FINAL;

ALTER TABLE cost_arrivals_mv MODIFY QUERY
SELECT toDate32(started_at, 'UTC') AS day, max(arrived_at) AS arrived, max(now64(3)) AS changed
FROM cost_records_local
GROUP BY day;

ALTER TABLE performance_arrivals_mv MODIFY QUERY
SELECT toDate32(started_at, 'UTC') AS day, max(arrived_at) AS arrived, max(now64(3)) AS changed
FROM performance_records_local
GROUP BY day;

-- As before, without the time. Only now, when nothing reads the stored one any more.
ALTER TABLE cost_records_mv MODIFY QUERY
WITH
    SpanAttributes AS a,
    accurateCastOrNull(roundBankers(toDecimal256OrNull(a['cost.quantity'], 38), 12), 'Decimal(38, 12)') AS stated_quantity,
    accurateCastOrNull(roundBankers(toDecimal256OrNull(a['cost.unit_cost'], 38), 18), 'Decimal(38, 18)') AS stated_unit_cost,
    accurateCastOrNull(roundBankers(toDecimal256OrNull(a['cost.total_cost'], 38), 12), 'Decimal(38, 12)') AS stated_total,
    -- The product of a Decimal(38, 12) and a Decimal(38, 18) has at most 76 digits, so it cannot overflow.
    accurateCastOrNull(roundBankers(toDecimal256(stated_quantity, 12) * toDecimal256(stated_unit_cost, 18), 12), 'Decimal(38, 12)') AS product,
    if(a['cost.source'] = 'unpriced', NULL, coalesce(stated_total, if(a['cost.total_cost'] = '', product, NULL))) AS amount
SELECT
    Timestamp AS started_at,
    toFixedString(substring(unhex(TraceId), 1, 16), 16) AS trace_id,
    toFixedString(substring(unhex(SpanId), 1, 8), 8) AS span_id,
    a['execution.id'] AS execution_id,
    a['user.id'] AS user_id,
    a['cost.service'] AS service,
    a['cost.operation'] AS operation,
    if(a['gen_ai.request.model'] != '', a['gen_ai.request.model'], a['cost.metadata.model']) AS model,
    ifNull(stated_quantity, 0) AS quantity,
    a['cost.unit'] AS unit,
    ifNull(stated_unit_cost, 0) AS unit_cost,
    ifNull(amount, 0) AS total_cost,
    if(a['cost.currency'] = '', 'USD', a['cost.currency']) AS currency,
    multiIf(isNull(amount), 'unpriced', a['cost.source'] IN ('price_book', 'fallback'), a['cost.source'], 'provider') AS source,
    a['cost.price_id'] AS price_id,
    multiIf(
        a['cost.reason'] != '' OR isNotNull(amount), a['cost.reason'],
        a['cost.total_cost'] != '', 'the stated total cost is not an amount',
        'no amount was stated') AS reason,
    if(Duration > 9223372036854775807, 0, Duration) AS duration_ns,
    if(StatusCode = 'Error', 'failed', 'success') AS status,
    StatusMessage AS error,
    a['task.type'] AS task_type,
    a['step.name'] AS step_name,
    a['prompt.category'] AS prompt_category,
    a['gen_ai.prompt.name'] AS prompt_name,
    mapApply((k, v) -> (substring(k, length('cost.metadata.') + 1), v), mapFilter((k, v) -> startsWith(k, 'cost.metadata.'), a)) AS metadata,
    mapFilter((k, v) -> startsWith(k, 'cost.usage.') OR k IN (
        'gen_ai.usage.input_tokens', 'gen_ai.usage.output_tokens', 'gen_ai.usage.cache_read.input_tokens',
        'gen_ai.usage.reasoning.output_tokens', 'gen_ai.provider.name', 'gen_ai.response.model',
        'openai.response.service_tier'), a) AS usage,
    -toUnixTimestamp64Milli(now64(3)) AS version
FROM otel_traces
WHERE SpanAttributes['cost.service'] != '';

ALTER TABLE performance_records_mv MODIFY QUERY
WITH SpanAttributes AS a
SELECT
    Timestamp AS started_at,
    toFixedString(substring(unhex(TraceId), 1, 16), 16) AS trace_id,
    toFixedString(substring(unhex(SpanId), 1, 8), 8) AS span_id,
    a['execution.id'] AS execution_id,
    a['user.id'] AS user_id,
    a['task.type'] AS task_type,
    a['step.name'] AS step_name,
    if(Duration > 9223372036854775807, 0, Duration) AS duration_ns,
    if(StatusCode = 'Error', 'failed', 'success') AS status,
    StatusMessage AS error,
    mapApply((k, v) -> (substring(k, length('step.metadata.') + 1), v), mapFilter((k, v) -> startsWith(k, 'step.metadata.'), a)) AS metadata,
    -toUnixTimestamp64Milli(now64(3)) AS version
FROM otel_traces
WHERE SpanAttributes['step.name'] != '' AND SpanAttributes['task.type'] != '' AND SpanAttributes['step.span_id'] = '';
