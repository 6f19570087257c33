-- Who is the one active worker: claims and renewals, appended only. Every time here is the server's.
CREATE TABLE IF NOT EXISTS leases_local
(
    name        LowCardinality(String),
    epoch       UInt64,
    holder      String,
    claimed_at  DateTime64(3, 'UTC'),
    until       DateTime64(3, 'UTC'),
    is_released UInt8
)
ENGINE = MergeTree
ORDER BY (name, epoch, claimed_at)
TTL toDateTime(until) + INTERVAL 30 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS leases AS
SELECT
    name,
    epoch,
    argMin(claimant, (began, claimant)) AS holder,
    min(began) AS held_since,
    max(ends) AS held_until,
    max(released AND claimant = holder_of_epoch) AS is_released
FROM
(
    SELECT
        name, epoch, holder AS claimant, min(claimed_at) AS began, max(until) AS ends, max(leases_local.is_released) AS released,
        argMin(holder, (began, holder)) OVER (PARTITION BY name, epoch) AS holder_of_epoch
    FROM leases_local
    GROUP BY name, epoch, holder
)
GROUP BY name, epoch;
