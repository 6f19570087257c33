"""The ledger in ClickHouse: connections, schema and exact reads, the same on chDB and on a server."""
