"""Takes records out of the ledger: as CSV, JSON lines, Parquet, or as the FinOps format FOCUS."""

from __future__ import annotations

from spanledger_clickhouse.exports.selection import ExportFormat, ExportTable, Selection
from spanledger_clickhouse.exports.stream import count_rows, stream

__all__ = ["ExportFormat", "ExportTable", "Selection", "count_rows", "stream"]
