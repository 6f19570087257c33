"""The embedded collector: OTLP in, write-ahead log, ClickHouse out."""
