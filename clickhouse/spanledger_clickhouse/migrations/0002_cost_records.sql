-- One row a paid span. The key is a property of the span alone, so a repeat is the same row and FINAL keeps one.
-- `version` decides which: the earliest arrival beats later ones (it is the negated arrival time), and what the rater
-- decided, dated by its own time, beats every arrival. FINAL leaves out what the rater found to repeat another record.
CREATE TABLE IF NOT EXISTS cost_records_local
(
    started_at      DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    trace_id        FixedString(16) CODEC(NONE),
    span_id         FixedString(8) CODEC(NONE),
    execution_id    String CODEC(ZSTD(1)),
    user_id         LowCardinality(String),
    service         LowCardinality(String),
    operation       LowCardinality(String),
    model           LowCardinality(String),
    quantity        Decimal(38, 12) CODEC(ZSTD(1)),
    unit            LowCardinality(String),
    unit_cost       Decimal(38, 18) CODEC(ZSTD(1)),
    total_cost      Decimal(38, 12) CODEC(ZSTD(1)),
    currency        LowCardinality(String),
    source          LowCardinality(String),
    price_id        LowCardinality(String),
    reason          LowCardinality(String),
    duration_ns     UInt64 CODEC(T64, ZSTD(1)),
    status          LowCardinality(String),
    error           String CODEC(ZSTD(1)),
    task_type       LowCardinality(String),
    step_name       LowCardinality(String),
    prompt_category LowCardinality(String),
    prompt_name     LowCardinality(String),
    metadata        Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    created_at      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    version         Int64 CODEC(Delta, ZSTD(1)),
    is_deleted      UInt8 DEFAULT 0 CODEC(ZSTD(1)),
    INDEX idx_execution_id execution_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(started_at)
ORDER BY (toDate(started_at), user_id, service, trace_id, span_id)
SETTINGS
    min_age_to_force_merge_seconds = 600,
    min_age_to_force_merge_on_partition_only = 1,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- No expression here may throw on any attribute value: a throwing view fails the whole insert of the spans beside it.
-- Amounts are read as decimals wider than the column and rounded half-even once; what does not fit is unpriced.
CREATE MATERIALIZED VIEW IF NOT EXISTS cost_records_mv TO cost_records_local AS
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
    now64(3) AS created_at,
    -toUnixTimestamp64Milli(now64(3)) AS version
FROM otel_traces
WHERE SpanAttributes['cost.service'] != '';

CREATE VIEW IF NOT EXISTS cost_records AS
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
    created_at,
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
