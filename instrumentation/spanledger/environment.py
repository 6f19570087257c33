"""Every environment variable that Spanledger reads, declared once.

Variables of OpenTelemetry itself (``OTEL_*``) keep their specified meaning.
"""

from __future__ import annotations

from typing import Final

OTLP_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""Base address of the collector; the SDK's default where unset (``http://localhost:4318``)."""

OTLP_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_PROTOCOL"
"""``http/protobuf`` (default) or ``grpc``."""

SERVICE_NAME: Final = "OTEL_SERVICE_NAME"
"""The engine's ``service.name`` where ``configure`` is not told."""

PRICES: Final = "SPANLEDGER_PRICES"
"""Path of a TOML file with own price rows, consulted before the built-in book."""

CLOUDFRONT_HOSTS: Final = "SPANLEDGER_CLOUDFRONT_HOSTS"
"""Hosts, by commas and with ``*`` for anything, that are CloudFront besides ``*.cloudfront.net``."""

CLOUDFLARE_STREAM_URLS: Final = "SPANLEDGER_CLOUDFLARE_STREAM_URLS"
"""Addresses of host and path, by commas and with ``*``, that are Cloudflare Stream besides Cloudflare's own API."""

DSN: Final = "SPANLEDGER_DSN"
"""Where the ledger is: ``chdb:///path`` or ``clickhouse://user:password@host:port/database``."""

API_URL: Final = "SPANLEDGER_API_URL"
"""Base address of the API that ``spanledger report`` reads."""

HOST: Final = "SPANLEDGER_HOST"
"""Address that the servers listen on; loopback by default."""

OTLP_HTTP_PORT: Final = "SPANLEDGER_OTLP_HTTP_PORT"
"""Port of the OTLP/HTTP receiver; 0 takes a free one."""

OTLP_GRPC_PORT: Final = "SPANLEDGER_OTLP_GRPC_PORT"
"""Port of the OTLP/gRPC receiver; 0 takes a free one."""

COLLECTOR_DIRECTORY: Final = "SPANLEDGER_COLLECTOR_DIRECTORY"
"""Where a collector for a server keeps what it has acknowledged and not loaded yet."""

API_PORT: Final = "SPANLEDGER_API_PORT"
"""Port of the API; 0 takes a free one."""

CLICKHOUSE_PORT: Final = "SPANLEDGER_CLICKHOUSE_PORT"
"""Port of ClickHouse's HTTP interface on an embedded ledger; 0 takes a free one, unset leaves it closed."""

RETAIN: Final = "SPANLEDGER_RETAIN"
"""How long the ledger keeps what may expire, e.g. ``otel_traces=60d,usage_spans=forever``; unset changes nothing."""

LOCALE: Final = "SPANLEDGER_LOCALE"
"""``en`` or ``zh-TW``: language of messages where the request does not say."""

ALERT_OPERATION_USD: Final = "SPANLEDGER_ALERT_OPERATION_USD"
"""A single operation above this many USD is worth an alert; 1 where unset."""

ALERTS: Final = "SPANLEDGER_ALERTS"
"""Path of a TOML file with rules, budgets and channels of alerts."""

ALERT_NOTICES_PER_MINUTE: Final = "SPANLEDGER_ALERT_NOTICES_PER_MINUTE"
"""How many notices of one rule about operations a channel gets in a minute; more come together. 60 where unset."""

ALERT_SLACK_WEBHOOK: Final = "SPANLEDGER_ALERT_SLACK_WEBHOOK"
"""Address of a Slack incoming webhook that is told of every alert; it is a secret, or ``file:/path`` of one."""

ALERT_WEBHOOK_URL: Final = "SPANLEDGER_ALERT_WEBHOOK_URL"
"""Address that every alert is posted to as JSON."""

ALERT_WEBHOOK_SECRET: Final = "SPANLEDGER_ALERT_WEBHOOK_SECRET"  # noqa: S105 - the variable's name
"""Key with which those requests are signed, or ``file:/path`` of one; they are not signed where it is unset."""

ALERT_EMAIL_TO: Final = "SPANLEDGER_ALERT_EMAIL_TO"
"""E-mail addresses, by commas, that are told of every alert."""

ALERT_EMAIL_FROM: Final = "SPANLEDGER_ALERT_EMAIL_FROM"
"""Address that those mails are from; the first recipient's where unset."""

SMTP_URL: Final = "SPANLEDGER_SMTP_URL"
"""Mail server: ``smtp://user:password@host:587`` or ``smtps://…``; a secret, or ``file:/path`` of one."""

ROLLUP_QUIET_SECONDS: Final = "SPANLEDGER_ROLLUP_QUIET_SECONDS"
"""Seconds for which an hour must not have changed before it is summed up; 0 waits for nothing, 3 where unset."""

CLICKHOUSE_ENDPOINT: Final = "SPANLEDGER_CLICKHOUSE_ENDPOINT"
"""Where the OpenTelemetry Collector finds ClickHouse: ``http://``, ``https://`` or ``tcp://host:port``."""

CLICKHOUSE_USER: Final = "SPANLEDGER_CLICKHOUSE_USER"
"""The user as whom the OpenTelemetry Collector inserts; ``default`` where unset."""

CLICKHOUSE_PASSWORD: Final = "SPANLEDGER_CLICKHOUSE_PASSWORD"  # noqa: S105 - the variable's name
"""That user's password; empty where unset."""

GRAFANA_CLICKHOUSE_HOST: Final = "SPANLEDGER_GRAFANA_CLICKHOUSE_HOST"
"""Host name of the ClickHouse server, as Grafana's boards of SQL reach it."""

GRAFANA_CLICKHOUSE_PORT: Final = "SPANLEDGER_GRAFANA_CLICKHOUSE_PORT"
"""Port of that server's HTTP interface."""

GRAFANA_CLICKHOUSE_USER: Final = "SPANLEDGER_GRAFANA_CLICKHOUSE_USER"
"""The user as whom Grafana's boards of SQL read; one who may only read."""

GRAFANA_CLICKHOUSE_PASSWORD: Final = "SPANLEDGER_GRAFANA_CLICKHOUSE_PASSWORD"  # noqa: S105 - the variable's name
"""That user's password."""

OTELCOL_STORAGE: Final = "SPANLEDGER_OTELCOL_STORAGE"
"""Directory in which the OpenTelemetry Collector keeps what it has not delivered yet."""

OTELCOL_MEMORY_MIB: Final = "SPANLEDGER_OTELCOL_MEMORY_MIB"
"""MiB of memory above which the OpenTelemetry Collector asks senders to come back."""

OTELCOL_METRICS_HOST: Final = "SPANLEDGER_OTELCOL_METRICS_HOST"
"""Address at which the OpenTelemetry Collector shows its own metrics; loopback by default."""

GATEWAY: Final = "SPANLEDGER_GATEWAY"
"""Base address of the OTLP/HTTP receiver to which an agent collector passes everything on."""

INGEST_KEY: Final = "SPANLEDGER_INGEST_KEY"
"""The key that senders must show, and that an agent collector shows to its gateway; of 32 characters or more."""

ADMIN_KEY: Final = "SPANLEDGER_ADMIN_KEY"
"""A key of role admin, of 32 characters or more, that servers accept beside those in the ledger."""

READ_KEY: Final = "SPANLEDGER_READ_KEY"
"""A key of role read, of 32 characters or more, that servers accept beside those in the ledger: Grafana's, say."""

API_KEY: Final = "SPANLEDGER_API_KEY"
"""The key or token that commands show to the API that they ask."""

OIDC: Final = "SPANLEDGER_OIDC"
"""Path of a TOML file that says whose OpenID Connect tokens are accepted and what their claims allow."""

REQUESTS_PER_MINUTE: Final = "SPANLEDGER_REQUESTS_PER_MINUTE"
"""How many requests a minute one key may make of the API; 1200 where unset."""

OTLP_REQUESTS_PER_MINUTE: Final = "SPANLEDGER_OTLP_REQUESTS_PER_MINUTE"
"""How many requests a minute one key may send to the OTLP ports; 30000 where unset."""

ANALYST_PASSWORD: Final = "SPANLEDGER_ANALYST_PASSWORD"  # noqa: S105 - the variable's name
"""Password of the user ``analyst`` that ``spanledger migrate`` makes on a server; none is made where it is unset."""

CORS_ORIGINS: Final = "SPANLEDGER_CORS_ORIGINS"
"""Origins, by commas, whose web pages may ask the API; none where unset."""

TLS_CERT_FILE: Final = "SPANLEDGER_TLS_CERT_FILE"
"""PEM file with the certificate that the servers, and the OpenTelemetry Collector, present."""

TLS_KEY_FILE: Final = "SPANLEDGER_TLS_KEY_FILE"
"""PEM file with that certificate's key."""

TLS_CA_FILE: Final = "SPANLEDGER_TLS_CA_FILE"
"""PEM file with the authorities that vouch for ClickHouse; those of the machine where unset."""

SPOOL_DIR: Final = "SPANLEDGER_SPOOL_DIR"
"""Directory in which spans wait while their collector is away; the user's state directory where unset."""

SPOOL_MIB: Final = "SPANLEDGER_SPOOL_MIB"
"""MiB of disk that may wait there for one collector; 0 keeps nothing on disk."""

EXIT_SECONDS: Final = "SPANLEDGER_EXIT_SECONDS"
"""Seconds that an ending process waits for its collector at most, before it leaves the rest in the spool."""

OWN_HOSTS: Final = "SPANLEDGER_OWN_HOSTS"
"""Hosts of own services, by commas, that are told on whose behalf they are asked; ``.example.com`` is a domain."""

USER_ID: Final = "SPANLEDGER_USER_ID"
"""The user on whose behalf ``spanledger run`` runs a program."""

EXECUTION_ID: Final = "SPANLEDGER_EXECUTION_ID"
"""The execution that a program under ``spanledger run`` is, or takes part in."""

TASK_TYPE: Final = "SPANLEDGER_TASK_TYPE"
"""The kind of task that a program under ``spanledger run`` is."""

ROOT_PROCESS: Final = "SPANLEDGER_ROOT_PROCESS"
"""Set by ``spanledger run``: process id of the program, whose children belong to the same execution."""
