"""ClickHouse's HTTP interface on the embedded engine: what ordinary clients of ClickHouse connect to."""

from spanledger_clickhouse.http_interface.access import Access, Credentials, LoopbackAccess, Role
from spanledger_clickhouse.http_interface.application import ClickHouseInterface

__all__ = ["Access", "ClickHouseInterface", "Credentials", "LoopbackAccess", "Role"]
