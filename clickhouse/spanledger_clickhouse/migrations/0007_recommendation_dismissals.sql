-- Which pieces of advice somebody does not want to see again, by the id that a recommendation keeps for its subject.
CREATE TABLE IF NOT EXISTS recommendation_dismissals_local
(
    recommendation_id String,
    is_dismissed      UInt8,
    changed_at        DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY recommendation_id
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS recommendation_dismissals AS
SELECT recommendation_id, changed_at AS dismissed_at
FROM recommendation_dismissals_local FINAL
WHERE is_dismissed;
