"""Every span attribute that Spanledger writes or reads, declared once.

Documentation, SQL and engines take the names from here; a test holds them to it.
Values are OpenTelemetry attribute values; an amount of money is a decimal string, so that no digit is lost on the way.
"""

from __future__ import annotations

from typing import Final

COST_SERVICE: Final = "cost.service"
"""What was paid for, e.g. ``openai`` or ``s3``. Its presence makes the span a cost record."""

COST_OPERATION: Final = "cost.operation"
"""The operation within the service; ``{model}_{prompt.category}_{prompt.name}`` for a prompt."""

COST_QUANTITY: Final = "cost.quantity"
"""How much was used, in ``cost.unit``: a number or a decimal string."""

COST_UNIT: Final = "cost.unit"
"""The unit of the quantity: ``tokens``, ``minutes``, ``seconds``, ``MB``, ``GB`` or any other name."""

COST_UNIT_COST: Final = "cost.unit_cost"
"""Price of one unit in ``cost.currency``: a number or a decimal string."""

COST_TOTAL_COST: Final = "cost.total_cost"
"""Price of the whole quantity in ``cost.currency``: a number or a decimal string."""

COST_CURRENCY: Final = "cost.currency"
"""ISO 4217 code of the amounts; ``USD`` where absent."""

COST_SOURCE: Final = "cost.source"
"""How the amount came about: a value of :class:`spanledger.pricing.CostSource`."""

COST_PRICE_ID: Final = "cost.price_id"
"""Identifier of the dated price row that was applied; absent where none was."""

COST_REASON: Final = "cost.reason"
"""Why the amount is a fallback or missing, in words; absent otherwise."""

COST_METADATA_PREFIX: Final = "cost.metadata."
"""Any attribute below this prefix becomes an entry of the record's ``metadata``."""

COST_USAGE_PREFIX: Final = "cost.usage."
"""``cost.usage.<meter>`` states one metered quantity in the meter's base unit, to be priced on export."""

COST_FEES_PREFIX: Final = "cost.usage.fees."
"""``cost.usage.fees.<tool>`` states how many calls of a built-in tool are paid besides the tokens of a model call."""

COST_DURATION_MS: Final = "cost.duration_ms"
"""Milliseconds the operation took, where the span's own length does not say."""

USER_ID: Final = "user.id"
"""The user on whose behalf the work is done."""

EXECUTION_ID: Final = "execution.id"
"""The task execution that the span belongs to."""

EXECUTION_STATUS: Final = "execution.status"
"""``running``, ``completed`` or ``failed``. Its presence makes the span a row of ``task_executions``."""

TASK_TYPE: Final = "task.type"
"""The kind of task, e.g. ``material_analysis``."""

STEP_NAME: Final = "step.name"
"""The step of the task. Together with ``task.type`` it makes the span a performance record."""

STEP_SPAN_ID: Final = "step.span_id"
"""Span id of the enclosing step, on spans that inherit ``step.name``; absent on the step's own span."""

PROMPT_CATEGORY: Final = "prompt.category"
"""The prompt's category, e.g. ``video_selection``."""

PROMPT_NAME: Final = "gen_ai.prompt.name"
"""The prompt's name within its category, e.g. ``segment_select``."""

GEN_AI_PROVIDER: Final = "gen_ai.provider.name"
GEN_AI_OPERATION: Final = "gen_ai.operation.name"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
GEN_AI_CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
"""Token usage as the OpenTelemetry GenAI conventions name it; input includes cached, output includes reasoning."""

GEN_AI_TEMPERATURE: Final = "gen_ai.request.temperature"
GEN_AI_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
"""What a model call asked for: the sampling temperature, and the most output tokens."""

GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"
"""The provider's identifier of the answer; two spans with the same one describe the same call."""

OPENAI_SERVICE_TIER: Final = "openai.response.service_tier"
"""The tier that the call was served in, e.g. ``flex`` or ``batch``; absent where the provider does not say."""

OPENAI_API_TYPE: Final = "openai.api.type"
"""``chat_completions`` or ``responses``: which of OpenAI's interfaces a chat call went through."""

ERROR_TYPE: Final = "error.type"
"""Qualified name of the exception that ended a call; absent where none did."""

STEP_METADATA_PREFIX: Final = "step.metadata."
"""Any attribute below this prefix becomes an entry of the performance record's ``metadata``."""

LOSSES_PREFIX: Final = "spanledger.losses."
"""``spanledger.losses.<site>`` on the span ``spanledger.losses``: what a site lost or failed at since the last one."""

IDENTITY: Final = (USER_ID, EXECUTION_ID, TASK_TYPE, STEP_NAME, STEP_SPAN_ID, PROMPT_CATEGORY, PROMPT_NAME)
"""The attributes that are stamped on every span inside an execution, in the order of the design."""
