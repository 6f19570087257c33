-- Priced model calls are usage spans also where the provider gives their answer no identifier, as for embeddings: without
-- them a second instrumentation inside or around such a call would be taken for a call of its own.
ALTER TABLE usage_spans_mv MODIFY QUERY
WITH SpanAttributes AS a
SELECT
    Timestamp AS started_at,
    toFixedString(substring(unhex(TraceId), 1, 16), 16) AS trace_id,
    toFixedString(substring(unhex(SpanId), 1, 8), 8) AS span_id,
    toFixedString(substring(unhex(ParentSpanId), 1, 8), 8) AS parent_span_id,
    a['cost.service'] != '' AND (a['cost.total_cost'] != '' OR a['cost.unit_cost'] != '' OR a['cost.source'] != '') AS is_priced,
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
        SpanAttributes['gen_ai.response.id'] != ''
            OR SpanAttributes['cost.service'] IN ('openai', 'whisper')
            OR (SpanAttributes['cost.total_cost'] = '' AND SpanAttributes['cost.unit_cost'] = '' AND SpanAttributes['cost.source'] = '')
    );
