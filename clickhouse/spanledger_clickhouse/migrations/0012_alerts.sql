-- Alerts, budgets and their deliveries. An alert's identifier is made of what it is about, so finding the same thing again
-- writes the same row; what happens to it later has tables of its own, in which a higher version wins.
CREATE TABLE IF NOT EXISTS alerts_local
(
    alert_id     UUID,
    rule_id      LowCardinality(String),
    rule_name    LowCardinality(String),
    kind         LowCardinality(String),
    severity     LowCardinality(String),
    occurred_at  DateTime64(6, 'UTC'),
    detected_at  DateTime64(3, 'UTC'),
    service      LowCardinality(String),
    user_id      String,
    operation    LowCardinality(String),
    task_type    LowCardinality(String),
    execution_id String,
    record_id    String,
    value        Decimal(38, 12),
    threshold    Decimal(38, 12),
    currency     LowCardinality(String),
    period_start Nullable(DateTime64(3, 'UTC')),
    period_end   Nullable(DateTime64(3, 'UTC')),
    message_key  LowCardinality(String),
    words        Map(LowCardinality(String), String),
    version      Int64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY alert_id
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- The outbox: one row for each alert and channel, written as `pending` with version 0 before the alert itself. A delivery
-- whose alert is missing is none: a crash between the two is mended by finding the alert again.
CREATE TABLE IF NOT EXISTS alert_deliveries_local
(
    alert_id        UUID,
    channel         LowCardinality(String),
    status          LowCardinality(String),
    attempts        UInt32,
    created_at      DateTime64(3, 'UTC'),
    next_attempt_at DateTime64(3, 'UTC'),
    delivered_at    Nullable(DateTime64(3, 'UTC')),
    error           String,
    version         Int64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (channel, alert_id)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS alert_acknowledgements_local
(
    alert_id        UUID,
    acknowledged_by String,
    acknowledged_at DateTime64(3, 'UTC'),
    version         Int64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY alert_id
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- Rules, budgets and mutes made through the API, each as one JSON document.
CREATE TABLE IF NOT EXISTS alert_settings_local
(
    kind       LowCardinality(String),
    id         String,
    definition String,
    is_deleted UInt8,
    changed_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY (kind, id)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- Where the watch of single operations began, and how far it has read in arrival time.
CREATE TABLE IF NOT EXISTS alert_progress
(
    name       String,
    read_from  DateTime64(3, 'UTC'),
    read_until DateTime64(3, 'UTC'),
    written_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Granules that nothing was written to lately are passed over when somebody looks for what is new.
ALTER TABLE cost_records_local ADD INDEX IF NOT EXISTS idx_version version TYPE minmax GRANULARITY 1;

CREATE VIEW IF NOT EXISTS alert_deliveries AS
SELECT alert_id, channel, status, attempts, created_at, next_attempt_at, delivered_at, error
FROM alert_deliveries_local FINAL;

CREATE VIEW IF NOT EXISTS alerts AS
SELECT
    alerts_local.alert_id AS alert_id, rule_id, rule_name, kind, severity, occurred_at, detected_at, service, user_id,
    operation, task_type, execution_id, record_id, value, threshold, currency, period_start, period_end, message_key, words,
    if(acknowledgements.version = 0, NULL, acknowledgements.acknowledged_by) AS acknowledged_by,
    if(acknowledgements.version = 0, NULL, acknowledgements.acknowledged_at) AS acknowledged_at
FROM alerts_local FINAL
LEFT JOIN
(
    SELECT alert_id, acknowledged_by, acknowledged_at, version FROM alert_acknowledgements_local FINAL
) AS acknowledgements ON acknowledgements.alert_id = alerts_local.alert_id;
