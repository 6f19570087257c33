-- Per day on which spans started: when the newest record of it arrived, and when one was last written. A maximum is the
-- same however often a batch is delivered, so a view may keep it. It tells how fresh the ledger is and whether a closed
-- stretch of time has changed, without looking at the records.
CREATE TABLE IF NOT EXISTS arrivals_local
(
    day     Date32,
    arrived SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    changed SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY day
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- What the rater decides is written to the records too, so each of its decisions counts as a change.
CREATE MATERIALIZED VIEW IF NOT EXISTS cost_arrivals_mv TO arrivals_local AS
SELECT toDate32(started_at, 'UTC') AS day, max(created_at) AS arrived, max(now64(3)) AS changed
FROM cost_records_local
GROUP BY day;

CREATE MATERIALIZED VIEW IF NOT EXISTS performance_arrivals_mv TO arrivals_local AS
SELECT toDate32(started_at, 'UTC') AS day, max(created_at) AS arrived, max(now64(3)) AS changed
FROM performance_records_local
GROUP BY day;

-- What was there before the views were.
INSERT INTO arrivals_local SELECT toDate32(started_at, 'UTC') AS day, max(created_at), max(now64(3)) FROM cost_records_local GROUP BY day;

INSERT INTO arrivals_local SELECT toDate32(started_at, 'UTC') AS day, max(created_at), max(now64(3)) FROM performance_records_local GROUP BY day;

CREATE VIEW IF NOT EXISTS arrivals AS
SELECT day, max(arrivals_local.arrived) AS arrived, max(arrivals_local.changed) AS changed
FROM arrivals_local
GROUP BY day;
