"""Which settings a client may send, and the limits that it cannot lift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.http_interface.failures import Code, StatementError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LIMITS", "insert_settings", "reading_settings"]

LIMITS: Final = {
    "max_execution_time": 30,
    "max_memory_usage": 1_000_000_000,
    "max_result_rows": 10_000_000,
    "max_result_bytes": 500_000_000,
    "max_rows_to_read": 1_000_000_000,
    "max_threads": 2,
}
"""What one reading may take: seconds, bytes, rows and threads. A client may ask for less."""

_READING: Final = {
    "allow_ddl": "0",
    "allow_introspection_functions": "0",
    "do_not_merge_across_partitions_select_final": "1",
    "implicit_select": "0",
    "max_ast_elements": "20000",
    "max_bytes_before_external_group_by": "0",
    "max_bytes_before_external_sort": "0",
    "max_parser_depth": "200",
    "max_subquery_depth": "20",
}
_INSERTING: Final = {
    "async_insert": "0",
    # Spans of any age may come together.
    "max_partitions_per_insert_block": "0",
    "max_insert_threads": "1",
    "max_memory_usage": "1000000000",
    # Blocks of this size bound the memory of a body of any length; collectors' batches stay whole.
    "max_insert_block_size": "100000",
    "min_insert_block_size_rows": "100000",
    "min_insert_block_size_bytes": "67108864",
}
_FREE: Final = frozenset(
    {
        *("asterisk_include_alias_columns", "cast_keep_nullable", "data_type_default_nullable"),
        *("date_time_input_format", "date_time_output_format", "distinct_overflow_mode", "extremes", "final"),
        *("cast_string_to_dynamic_use_inference", "format_csv_delimiter", "group_by_use_nulls", "join_use_nulls"),
        *("input_format_allow_errors_num", "input_format_allow_errors_ratio", "input_format_csv_empty_as_default"),
        *("input_format_defaults_for_omitted_fields", "input_format_null_as_default", "max_block_size"),
        *("input_format_skip_unknown_fields", "input_format_with_names_use_header"),
        *("input_format_with_types_use_header", "output_format_arrow_string_as_string"),
        *("output_format_csv_crlf_end_of_line", "output_format_decimal_trailing_zeros"),
        *("output_format_json_named_tuples_as_objects", "output_format_json_quote_64bit_floats"),
        *("output_format_json_quote_64bit_integers", "output_format_json_quote_decimals"),
        *("output_format_json_quote_denormals", "output_format_native_write_json_as_string"),
        *("output_format_parquet_string_as_string", "output_format_write_statistics"),
        *("prefer_column_name_to_alias", "session_timezone", "transform_null_in", "union_default_mode"),
        *("use_client_time_zone",),
    }
)
_MEANINGLESS: Final = frozenset(
    {
        # Drivers send these unasked. Here inserts are always synchronous, readings always read-only.
        *("async_insert", "async_insert_busy_timeout_ms", "async_insert_deduplicate", "async_insert_max_data_size"),
        *("allow_experimental_dynamic_type", "allow_experimental_json_type", "allow_experimental_object_type"),
        *("allow_experimental_variant_type", "cancel_http_readonly_queries_on_client_close", "connect_timeout"),
        *("enable_json_type", "http_receive_timeout", "http_send_timeout", "input_format_binary_read_json_as_string"),
        *("input_format_binary_encode_types_in_binary_format", "output_format_binary_encode_types_in_binary_format"),
        *("insert_deduplicate", "insert_deduplication_token", "insert_quorum", "log_comment", "log_queries"),
        *("output_format_binary_write_json_as_string", "output_format_native_encode_types_in_binary_format"),
        *("insert_distributed_sync", "load_balancing", "max_insert_block_size", "optimize_read_in_order", "priority"),
        *("deduplicate_blocks_in_dependent_materialized_views", "max_partitions_per_insert_block"),
        *("do_not_merge_across_partitions_select_final", "max_insert_threads", "min_insert_block_size_rows"),
        *("min_insert_block_size_bytes", "optimize_on_insert"),
        *("distributed_product_mode", "readonly", "receive_timeout", "select_sequential_consistency"),
        *("send_logs_level", "send_timeout", "use_query_cache", "wait_for_async_insert"),
        *("wait_for_async_insert_timeout",),
    }
)
_DANGEROUS_CHARACTERS: Final = frozenset("\0\r\n")
_LONGEST_VALUE: Final = 200


def reading_settings(sent: Mapping[str, str]) -> dict[str, str]:
    """Settings of the handle that a reading runs on; read-only mode is added by the caller.

    Args:
        sent: What the client sent.

    Raises:
        StatementError: A setting is not one that clients may choose.
    """
    tightened = {name: str(_tightened(name, sent.get(name, ""))) for name in LIMITS}
    return _READING | tightened | _chosen(sent)


def insert_settings(sent: Mapping[str, str]) -> dict[str, str]:
    """Settings of the handle that an insert runs on; arguments and errors as of :func:`reading_settings`."""
    return _chosen(sent) | _INSERTING


def _chosen(sent: Mapping[str, str]) -> dict[str, str]:
    for name, value in sent.items():
        if name not in _FREE and name not in _MEANINGLESS and name not in LIMITS:
            message = f"The setting {name} cannot be chosen here."
            raise StatementError(Code.READONLY, message)
        if len(value) > _LONGEST_VALUE or _DANGEROUS_CHARACTERS & set(value):
            message = f"The value of the setting {name} is not accepted."
            raise StatementError(Code.BAD_ARGUMENTS, message)
    return {name: value for name, value in sent.items() if name in _FREE}


def _tightened(name: str, asked: str) -> int:
    """The limit, or less if the client asks for less; 0 means none to ClickHouse, so it leaves the limit."""
    try:
        wanted = int(float(asked)) if asked else 0
    except (ValueError, OverflowError) as error:
        message = f"The value {asked!r} of the setting {name} is not a number."
        raise StatementError(Code.BAD_ARGUMENTS, message) from error
    return min(wanted, LIMITS[name]) if wanted > 0 else LIMITS[name]
