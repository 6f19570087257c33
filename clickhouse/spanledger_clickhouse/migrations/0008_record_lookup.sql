-- Where else a paid thing has a record. The spans of these two scopes take their ids from what they are about, so that
-- every process that reads the same outcome makes the same span. Day and user are part of a record's key, however: read
-- on another day, or for another user, the same thing has a second record, and the rater keeps the earliest.
-- Rows are few, and kept for good: a video may be read again in years.
CREATE TABLE IF NOT EXISTS repeatable_records_local
(
    trace_id   FixedString(16) CODEC(ZSTD(1)),
    span_id    FixedString(8) CODEC(NONE),
    started_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    user_id    String CODEC(ZSTD(1)),
    service    LowCardinality(String),
    created_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    version    Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (trace_id, span_id, toDate(started_at), user_id, service)
SETTINGS
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- The same in the order of arrival, so that what is new is found without looking at the rest.
CREATE TABLE IF NOT EXISTS repeatable_arrivals_local
(
    created_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    trace_id   FixedString(16) CODEC(ZSTD(1)),
    span_id    FixedString(8) CODEC(NONE)
)
ENGINE = MergeTree
ORDER BY created_at
TTL toDateTime(created_at) + INTERVAL 90 DAY
SETTINGS
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS repeatable_arrivals_mv TO repeatable_arrivals_local AS
SELECT created_at, trace_id, span_id
FROM repeatable_records_local;

CREATE MATERIALIZED VIEW IF NOT EXISTS repeatable_records_mv TO repeatable_records_local AS
SELECT
    toFixedString(substring(unhex(TraceId), 1, 16), 16) AS trace_id,
    toFixedString(substring(unhex(SpanId), 1, 8), 8) AS span_id,
    Timestamp AS started_at,
    SpanAttributes['user.id'] AS user_id,
    SpanAttributes['cost.service'] AS service,
    now64(3) AS created_at,
    -toUnixTimestamp64Milli(now64(3)) AS version
FROM otel_traces
WHERE ScopeName IN ('spanledger.outcomes', 'spanledger.openai.results') AND SpanAttributes['cost.service'] != '';

-- What was there before the view was: as far back as spans are kept, and the records of the services that these spans
-- are about. A record of theirs with ids made by chance is never found twice.
INSERT INTO repeatable_records_local
SELECT trace_id, span_id, started_at, user_id, service, created_at, version
FROM cost_records_local FINAL
WHERE service IN ('google_video_ai', 'cloudflare_stream')
    OR (trace_id, span_id) IN (
        SELECT toFixedString(substring(unhex(TraceId), 1, 16), 16), toFixedString(substring(unhex(SpanId), 1, 8), 8)
        FROM otel_traces
        WHERE ScopeName = 'spanledger.openai.results');

-- The service tier, by the names that instrumentations give it, is kept for the rater from here on.
ALTER TABLE usage_spans_mv MODIFY QUERY
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
        'embedding.invocation_parameters', 'openai.response.service_tier', 'gen_ai.openai.response.service_tier',
        'openai.request.service_tier', 'gen_ai.openai.request.service_tier', 'gen_ai.response.id',
        'gen_ai.operation.name', 'llm.request.type', 'openinference.span.kind', 'user.id', 'enduser.id',
        'enduser.pseudo.id', 'gen_ai.user', 'llm.user', 'traceloop.association.properties.user_id',
        'gen_ai.prompt.name', 'traceloop.prompt.key', 'prompt.id'
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
