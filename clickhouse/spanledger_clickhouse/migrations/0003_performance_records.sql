-- One row a run of a step. A span that only inherits its step's name says in `step.span_id` whose it is and makes no row.
CREATE TABLE IF NOT EXISTS performance_records_local
(
    started_at   DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    trace_id     FixedString(16) CODEC(NONE),
    span_id      FixedString(8) CODEC(NONE),
    execution_id String CODEC(ZSTD(1)),
    user_id      LowCardinality(String),
    task_type    LowCardinality(String),
    step_name    LowCardinality(String),
    duration_ns  UInt64 CODEC(T64, ZSTD(1)),
    status       LowCardinality(String),
    error        String CODEC(ZSTD(1)),
    metadata     Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    created_at   DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    version      Int64 CODEC(Delta, ZSTD(1)),
    INDEX idx_execution_id execution_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(started_at)
ORDER BY (task_type, toDate(started_at), step_name, trace_id, span_id)
SETTINGS
    min_age_to_force_merge_seconds = 600,
    min_age_to_force_merge_on_partition_only = 1,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS performance_records_mv TO performance_records_local AS
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
    now64(3) AS created_at,
    -toUnixTimestamp64Milli(now64(3)) AS version
FROM otel_traces
WHERE SpanAttributes['step.name'] != '' AND SpanAttributes['task.type'] != '' AND SpanAttributes['step.span_id'] = '';

CREATE VIEW IF NOT EXISTS performance_records AS
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
    created_at,
    lower(hex(performance_records_local.trace_id)) AS trace_id,
    lower(hex(performance_records_local.span_id)) AS span_id,
    duration_ns
FROM performance_records_local FINAL;
