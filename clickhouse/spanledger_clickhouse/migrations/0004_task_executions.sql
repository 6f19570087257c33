-- One row a root span of an execution. A marker span sent at the start is its child and carries the status `running`; it
-- writes the root's row under the root's span id, and the root itself, whenever it arrives, replaces it.
CREATE TABLE IF NOT EXISTS task_executions_local
(
    started_at    DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    execution_id  String CODEC(ZSTD(1)),
    trace_id      FixedString(16) CODEC(NONE),
    span_id       FixedString(8) CODEC(NONE),
    user_id       LowCardinality(String),
    task_type     LowCardinality(String),
    status        LowCardinality(String),
    error_message String CODEC(ZSTD(1)),
    completed_at  Nullable(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    created_at    DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    version       Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(started_at)
ORDER BY (execution_id, trace_id, span_id)
SETTINGS
    min_age_to_force_merge_seconds = 600,
    min_age_to_force_merge_on_partition_only = 1,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS task_executions_mv TO task_executions_local AS
WITH
    SpanAttributes AS a,
    a['execution.status'] = 'running' AS running,
    if(Duration > 9223372036854775807, 0, Duration) AS length_ns
SELECT
    Timestamp AS started_at,
    a['execution.id'] AS execution_id,
    toFixedString(substring(unhex(TraceId), 1, 16), 16) AS trace_id,
    toFixedString(substring(unhex(if(running AND ParentSpanId != '', ParentSpanId, SpanId)), 1, 8), 8) AS span_id,
    a['user.id'] AS user_id,
    a['task.type'] AS task_type,
    multiIf(running, 'running', a['execution.status'] = 'failed' OR StatusCode = 'Error', 'failed', 'completed') AS status,
    StatusMessage AS error_message,
    if(running, NULL, addNanoseconds(Timestamp, length_ns)) AS completed_at,
    now64(3) AS created_at,
    -- Finished beats running; within one state the earliest arrival wins.
    if(running, 0, 1000000000000000) - toUnixTimestamp64Milli(now64(3)) AS version
FROM otel_traces
WHERE SpanAttributes['execution.status'] != '' AND SpanAttributes['execution.id'] != '';

-- An execution may have several roots: one a process that takes part in it. It failed if any failed, runs while any runs.
CREATE VIEW IF NOT EXISTS task_executions AS
SELECT
    execution_id,
    roots.user_id AS user_id,
    roots.task_type AS task_type,
    roots.status AS status,
    ifNull(costs.total_cost, 0) AS total_cost,
    ifNull(costs.ai_calls_count, 0) AS ai_calls_count,
    roots.error_message AS error_message,
    roots.started_at AS started_at,
    roots.completed_at AS completed_at
FROM
(
    SELECT
        execution_id,
        argMin(task_executions_local.user_id, (task_executions_local.user_id = '', task_executions_local.started_at, span_id)) AS user_id,
        argMin(task_executions_local.task_type, (task_executions_local.task_type = '', task_executions_local.started_at, span_id)) AS task_type,
        multiIf(countIf(task_executions_local.status = 'failed') > 0, 'failed', countIf(task_executions_local.status = 'running') > 0, 'running', 'completed') AS status,
        argMin(task_executions_local.error_message, (task_executions_local.error_message = '', task_executions_local.started_at, span_id)) AS error_message,
        min(task_executions_local.started_at) AS started_at,
        if(countIf(isNull(task_executions_local.completed_at)) > 0, NULL, max(task_executions_local.completed_at)) AS completed_at
    FROM task_executions_local FINAL
    GROUP BY execution_id
) AS roots
LEFT JOIN
(
    SELECT
        execution_id,
        sumIf(cost_records_local.total_cost, currency = 'USD') AS total_cost,
        countIf(service IN ('openai', 'google_video_ai', 'whisper')) AS ai_calls_count
    FROM cost_records_local FINAL
    WHERE execution_id != ''
    GROUP BY execution_id
) AS costs USING (execution_id);
