"""Sets what providers billed beside what the ledger computed."""

from __future__ import annotations

from spanledger_clickhouse.reconciliation.comparison import Comparison, compare
from spanledger_clickhouse.reconciliation.invoice import Columns, Invoice, read_invoice

__all__ = ["Columns", "Comparison", "Invoice", "compare", "read_invoice"]
