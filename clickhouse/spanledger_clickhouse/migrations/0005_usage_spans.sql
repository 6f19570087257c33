-- Spans that arrived without an amount but say what was used, in whatever convention: what the rater reads. Model calls
-- that are priced already are here too, with their answer's identifier only, so that a second description of the same
-- call is recognised as one. They are many and rarely looked at, so the key keeps them apart.
CREATE TABLE IF NOT EXISTS usage_spans_local
(
    started_at      DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    trace_id        FixedString(16) CODEC(ZSTD(1)),
    span_id         FixedString(8) CODEC(NONE),
    parent_span_id  FixedString(8) CODEC(NONE),
    is_priced       UInt8,
    usage           Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    execution_id    String CODEC(ZSTD(1)),
    task_type       LowCardinality(String),
    step_name       LowCardinality(String),
    prompt_category LowCardinality(String),
    duration_ns     UInt64 CODEC(T64, ZSTD(1)),
    status          LowCardinality(String),
    error           String CODEC(ZSTD(1)),
    created_at      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    version         Int64 CODEC(Delta, ZSTD(1)),
    INDEX idx_created_at created_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(started_at)
ORDER BY (is_priced, trace_id, span_id)
TTL toDateTime(created_at) + INTERVAL 90 DAY
SETTINGS
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS usage_spans_mv TO usage_spans_local AS
WITH SpanAttributes AS a
SELECT
    Timestamp AS started_at,
    toFixedString(substring(unhex(TraceId), 1, 16), 16) AS trace_id,
    toFixedString(substring(unhex(SpanId), 1, 8), 8) AS span_id,
    toFixedString(substring(unhex(ParentSpanId), 1, 8), 8) AS parent_span_id,
    0 AS is_priced,
    mapFilter((k, v) -> k IN (
        'cost.service', 'cost.operation', 'cost.quantity', 'cost.unit', 'gen_ai.usage.input_tokens',
        'gen_ai.usage.prompt_tokens', 'llm.token_count.prompt', 'llm.usage.prompt_tokens',
        'gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens', 'llm.token_count.completion',
        'llm.usage.completion_tokens', 'gen_ai.usage.cache_read.input_tokens',
        'gen_ai.usage.cache_read_input_tokens', 'llm.token_count.prompt_details.cache_read',
        'gen_ai.usage.cache_write.input_tokens', 'gen_ai.usage.cache_creation.input_tokens',
        'gen_ai.usage.cache_creation_input_tokens', 'llm.token_count.prompt_details.cache_write',
        'gen_ai.usage.audio.input_tokens', 'llm.token_count.prompt_details.audio',
        'gen_ai.usage.audio.output_tokens', 'llm.token_count.completion_details.audio',
        'gen_ai.usage.reasoning.output_tokens', 'gen_ai.usage.reasoning_tokens',
        'llm.token_count.completion_details.reasoning', 'gen_ai.usage.raw', 'gen_ai.usage.cost.amount',
        'gen_ai.usage.cost', 'gen_ai.usage.cost_usd', 'llm.cost.total', 'llm.usage.cost', 'operation.cost',
        'gen_ai.usage.cost.currency', 'gen_ai.provider.name', 'gen_ai.system', 'llm.provider', 'llm.system',
        'gen_ai.request.model', 'llm.request.model', 'gen_ai.response.model', 'llm.response.model_name',
        'llm.model_name', 'embedding.model_name', 'llm.response.model', 'llm.invocation_parameters',
        'embedding.invocation_parameters', 'gen_ai.response.id', 'gen_ai.operation.name', 'llm.request.type',
        'openinference.span.kind', 'user.id', 'enduser.id', 'enduser.pseudo.id', 'gen_ai.user', 'llm.user',
        'traceloop.association.properties.user_id', 'gen_ai.prompt.name', 'traceloop.prompt.key', 'prompt.id'
    ), a) AS usage,
    a['execution.id'] AS execution_id,
    a['task.type'] AS task_type,
    a['step.name'] AS step_name,
    a['prompt.category'] AS prompt_category,
    if(Duration > 9223372036854775807, 0, Duration) AS duration_ns,
    if(StatusCode = 'Error', 'failed', 'success') AS status,
    StatusMessage AS error,
    now64(3) AS created_at,
    -toUnixTimestamp64Milli(now64(3)) AS version
FROM otel_traces
WHERE
    if(
        SpanAttributes['cost.service'] = '',
        hasAny(mapKeys(SpanAttributes), [
            'gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens', 'llm.token_count.prompt',
            'llm.usage.prompt_tokens', 'gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens',
            'llm.token_count.completion', 'llm.usage.completion_tokens', 'gen_ai.usage.cache_read.input_tokens',
            'gen_ai.usage.cache_read_input_tokens', 'llm.token_count.prompt_details.cache_read',
            'gen_ai.usage.cache_write.input_tokens', 'gen_ai.usage.cache_creation.input_tokens',
            'gen_ai.usage.cache_creation_input_tokens', 'llm.token_count.prompt_details.cache_write',
            'gen_ai.usage.audio.input_tokens', 'llm.token_count.prompt_details.audio',
            'gen_ai.usage.audio.output_tokens', 'llm.token_count.completion_details.audio',
            'gen_ai.usage.reasoning.output_tokens', 'gen_ai.usage.reasoning_tokens',
            'llm.token_count.completion_details.reasoning', 'gen_ai.usage.raw', 'gen_ai.usage.cost.amount',
            'gen_ai.usage.cost', 'gen_ai.usage.cost_usd', 'llm.cost.total', 'llm.usage.cost', 'operation.cost'
        ]),
        SpanAttributes['cost.total_cost'] = '' AND SpanAttributes['cost.unit_cost'] = '' AND SpanAttributes['cost.source'] = ''
    );

-- Without those that have no identifier of an answer, such as embeddings, a second instrumentation inside or around such a
-- call would be taken for a call of its own.
CREATE MATERIALIZED VIEW IF NOT EXISTS priced_calls_mv TO usage_spans_local AS
SELECT
    Timestamp AS started_at,
    toFixedString(substring(unhex(TraceId), 1, 16), 16) AS trace_id,
    toFixedString(substring(unhex(SpanId), 1, 8), 8) AS span_id,
    toFixedString(substring(unhex(ParentSpanId), 1, 8), 8) AS parent_span_id,
    1 AS is_priced,
    map('gen_ai.response.id', SpanAttributes['gen_ai.response.id']) AS usage,
    if(Duration > 9223372036854775807, 0, Duration) AS duration_ns,
    now64(3) AS created_at,
    -toUnixTimestamp64Milli(now64(3)) AS version
FROM otel_traces
WHERE
    (SpanAttributes['cost.service'] IN ('openai', 'whisper')
        OR (SpanAttributes['cost.service'] != '' AND SpanAttributes['gen_ai.response.id'] != ''))
    AND (SpanAttributes['cost.total_cost'] != '' OR SpanAttributes['cost.unit_cost'] != '' OR SpanAttributes['cost.source'] != '');

-- How far the rater has read, in arrival time.
CREATE TABLE IF NOT EXISTS rater_progress
(
    name       String,
    read_until DateTime64(3, 'UTC'),
    written_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
