"""Cost records as rows of FOCUS, the FinOps Open Cost and Usage Specification; docs/reference/focus-export.md explains.

A row is one record. Nothing is rounded or added up on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.exports.selection import ExportFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["focus_columns"]

_PROVIDER: Final = """multiIf(
    metadata['provider'] = 'r2', 'Cloudflare',
    service = 'openai' AND metadata['provider'] LIKE '%az%', 'Microsoft Azure',
    transform(service,
        ['openai', 'whisper', 'google_video_ai', 's3', 'cloudfront', 'cloudflare_stream', 'anthropic'],
        ['OpenAI', 'OpenAI', 'Google Cloud', 'Amazon Web Services', 'Amazon Web Services', 'Cloudflare', 'Anthropic'],
        service))"""
_CATEGORY: Final = """transform(service,
    ['s3', 'cloudfront', 'cloudflare_stream'], ['Storage', 'Networking', 'Media'],
    if(unit = 'tokens' OR model != '' OR service IN ('openai', 'whisper', 'google_video_ai'),
        'AI and Machine Learning', 'Other'))"""
_SUBCATEGORY: Final = f"""multiIf(
    service = 's3', 'Object Storage', service = 'cloudfront', 'Content Delivery',
    service = 'cloudflare_stream', 'Media Streaming',
    service IN ('whisper', 'google_video_ai'), 'Machine Learning',
    {_CATEGORY} = 'Other', 'Other (Other)', 'Generative AI')"""
_UNIT: Final = """transform(lower(unit),
    ['tokens', 'seconds', 'minutes', 'hours', 'requests', 'characters', 'bytes', 'kb', 'mb', 'gb', 'tb'],
    ['Tokens', 'Seconds', 'Minutes', 'Hours', 'Requests', 'Characters', 'Bytes', 'KiB', 'MiB', 'GiB', 'TiB'],
    concat(upper(substring(unit, 1, 1)), substring(unit, 2)))"""
# A blend of several rates is rounded, and its product then is not the amount: such a record names no list price.
_PRICED: Final = """(source IN ('price_book', 'fallback') AND price_id != '' AND unit != ''
    AND toDecimal256(quantity, 12) * toDecimal256(unit_cost, 18) = toDecimal256(total_cost, 30))"""
_SKU: Final = "if(model = '', service, concat(service, '/', model))"
_TAGS: Final = """toJSONString(mapFilter((k, v) -> v != '', map(
    'user_id', user_id, 'execution_id', execution_id, 'task_type', task_type, 'step_name', step_name,
    'prompt_category', prompt_category, 'prompt_name', prompt_name)))"""


def _instant(expression: str) -> str:
    return f"formatDateTime({expression}, '%Y-%m-%dT%H:%i:%SZ', 'UTC')"


_HOUR: Final = "toStartOfHour(toDateTime(started_at, 'UTC'))"
_MONTH: Final = "toDateTime(toStartOfMonth(started_at, 'UTC'), 'UTC')"
_NULL: Final = "CAST(NULL AS Nullable(String))"

_SHARED: Final[Mapping[str, str]] = {
    "BilledCost": "total_cost",
    "BillingAccountId": "{account:String}",
    "BillingAccountName": "{account:String}",
    "BillingAccountType": "'Account'",
    "BillingCurrency": "currency",
    "BillingPeriodEnd": _instant(f"addMonths({_MONTH}, 1)"),
    "BillingPeriodStart": _instant(_MONTH),
    "ChargeCategory": "'Usage'",
    "ChargeClass": _NULL,
    "ChargeDescription": "concat(service, ' ', operation)",
    "ChargeFrequency": "'Usage-Based'",
    "ChargePeriodEnd": _instant(f"addHours({_HOUR}, 1)"),
    "ChargePeriodStart": _instant(_HOUR),
    "ConsumedQuantity": "if(unit = '', NULL, quantity)",
    "ConsumedUnit": f"nullIf({_UNIT}, '')",
    "ContractedCost": "total_cost",
    "EffectiveCost": "total_cost",
    "InvoiceIssuerName": _PROVIDER,
    "ListCost": "total_cost",
    "ListUnitPrice": f"if({_PRICED}, unit_cost, NULL)",
    "PricingCategory": f"if({_PRICED}, 'Standard', NULL)",
    "PricingQuantity": "if(unit = '', NULL, quantity)",
    "PricingUnit": f"nullIf({_UNIT}, '')",
    "ServiceCategory": _CATEGORY,
    "ServiceName": "service",
    "ServiceSubcategory": _SUBCATEGORY,
    "SkuId": f"if({_PRICED}, {_SKU}, NULL)",
    "SkuMeter": f"if({_PRICED}, {_UNIT}, NULL)",
    "SkuPriceId": f"if({_PRICED}, price_id, NULL)",
    "Tags": _TAGS,
}
_BY_VERSION: Final[Mapping[ExportFormat, Mapping[str, str]]] = {
    ExportFormat.FOCUS_1_2: {"ProviderName": _PROVIDER, "PublisherName": _PROVIDER},
    ExportFormat.FOCUS_1_4: {"HostProviderName": _PROVIDER, "ServiceProviderName": _PROVIDER},
}
_OWN: Final[Mapping[str, str]] = {
    "x_CostSource": "source",
    "x_ExecutionId": "nullIf(execution_id, '')",
    "x_Model": "nullIf(model, '')",
    "x_Operation": "operation",
    "x_PriceId": "nullIf(price_id, '')",
    "x_PricingReason": "nullIf(reason, '')",
    "x_RecordId": "toString(record_id)",
    "x_StepName": "nullIf(step_name, '')",
    "x_UnitCost": "unit_cost",
    "x_UserId": "nullIf(user_id, '')",
}


def focus_columns(form: ExportFormat) -> dict[str, str]:
    """The SQL of each column of a version of FOCUS, in the order of the names, own columns last."""
    standard = {**_SHARED, **_BY_VERSION[form]}
    return {**dict(sorted(standard.items())), **_OWN}
