-- What was used, as the span said it: the attributes by which a record can be priced again after its span has gone.
ALTER TABLE cost_records_local ADD COLUMN IF NOT EXISTS usage Map(LowCardinality(String), String) CODEC(ZSTD(1)) AFTER metadata;

-- As before, and with the usage.
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
    now64(3) AS created_at,
    -toUnixTimestamp64Milli(now64(3)) AS version
FROM otel_traces
WHERE SpanAttributes['cost.service'] != '';

-- Why a price changed after the fact: a batch is one command, its adjustments one record each. The highest rank of a
-- batch is its state: planned (nothing shows yet), committed (it will be carried out whatever happens), applied,
-- abandoned. Numbers grow from batch to batch: that of the last one decides the version of a record.
CREATE TABLE IF NOT EXISTS adjustment_batches_local
(
    batch_id     String,
    number       UInt32,
    kind         LowCardinality(String),
    state        LowCardinality(String),
    rank         UInt8,
    undoes       String,
    reason       String,
    recorded_at  DateTime64(3, 'UTC'),
    recorded_by  String,
    tool_version LowCardinality(String),
    window_start DateTime64(9, 'UTC'),
    window_end   DateTime64(9, 'UTC'),
    service      String,
    user_id      String,
    adjustments  UInt64,
    unchanged    UInt64,
    unpriceable  UInt64,
    difference   Map(String, Decimal(38, 12)),
    changed_at   DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(rank)
ORDER BY batch_id
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS adjustment_batches AS
SELECT
    batch_id, number, kind, state, undoes, reason, recorded_at, recorded_by, tool_version, window_start, window_end,
    service, user_id, adjustments, unchanged, unpriceable, difference, changed_at
FROM adjustment_batches_local FINAL;

CREATE TABLE IF NOT EXISTS adjustments_local
(
    batch_id          String CODEC(ZSTD(1)),
    number            UInt32,
    adjustment_id     UUID,
    undoes            String CODEC(ZSTD(1)),
    trace_id          FixedString(16) CODEC(NONE),
    span_id           FixedString(8) CODEC(NONE),
    started_at        DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    service           LowCardinality(String),
    user_id           LowCardinality(String),
    operation         LowCardinality(String),
    currency          LowCardinality(String),
    quantity_before   Decimal(38, 12) CODEC(ZSTD(1)),
    quantity_after    Decimal(38, 12) CODEC(ZSTD(1)),
    unit_before       LowCardinality(String),
    unit_after        LowCardinality(String),
    unit_cost_before  Decimal(38, 18) CODEC(ZSTD(1)),
    unit_cost_after   Decimal(38, 18) CODEC(ZSTD(1)),
    total_cost_before Decimal(38, 12) CODEC(ZSTD(1)),
    total_cost_after  Decimal(38, 12) CODEC(ZSTD(1)),
    difference        Decimal(38, 12) CODEC(ZSTD(1)),
    price_id_before   LowCardinality(String),
    price_id_after    LowCardinality(String),
    source_before     LowCardinality(String),
    source_after      LowCardinality(String),
    reason_before     LowCardinality(String),
    reason_after      LowCardinality(String),
    recorded_at       DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    recorded_by       LowCardinality(String),
    why               LowCardinality(String),
    tool_version      LowCardinality(String),
    INDEX idx_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(started_at)
ORDER BY (toDate(started_at), user_id, service, trace_id, span_id, number)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- Those of batches that took effect, in full; what a batch had prepared before it was given up never shows.
CREATE VIEW IF NOT EXISTS adjustments AS
WITH lower(hex(MD5(concat(adjustments_local.trace_id, adjustments_local.span_id)))) AS digest
SELECT
    batch_id,
    number,
    adjustment_id,
    undoes,
    lower(hex(adjustments_local.trace_id)) AS trace_id,
    lower(hex(adjustments_local.span_id)) AS span_id,
    toUUID(concat(
        substring(digest, 1, 8), '-', substring(digest, 9, 4), '-8', substring(digest, 14, 3),
        '-8', substring(digest, 18, 3), '-', substring(digest, 21, 12))) AS record_id,
    started_at,
    service,
    user_id,
    operation,
    currency,
    quantity_before,
    quantity_after,
    unit_before,
    unit_after,
    unit_cost_before,
    unit_cost_after,
    total_cost_before,
    total_cost_after,
    difference,
    price_id_before,
    price_id_after,
    source_before,
    source_after,
    reason_before,
    reason_after,
    recorded_at,
    recorded_by,
    why,
    tool_version
FROM adjustments_local FINAL
WHERE batch_id IN (SELECT batch_id FROM adjustment_batches_local FINAL WHERE state IN ('committed', 'applied'));
