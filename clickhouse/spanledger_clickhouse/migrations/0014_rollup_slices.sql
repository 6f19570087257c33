-- The hour that is being written to is summed up in slices of five seconds, so that a report reads only the last few
-- seconds from the records. One row an hour: the newest block that changed each of its slices, complete for every block up
-- to `complete_until`. All of it in one row, so that there is never a part of it.
CREATE TABLE IF NOT EXISTS rollup_slices_local
(
    source         LowCardinality(String),
    table_id       UUID,
    hour           Int32,
    complete_until UInt64,
    slices         Array(UInt16) CODEC(ZSTD(1)),
    touched        Array(UInt64) CODEC(ZSTD(1)),
    written_at     DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(complete_until)
ORDER BY (source, table_id, hour)
TTL written_at + INTERVAL 7 DAY
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- As rollup_pointers_local, of buckets within an hour: `seconds` long and counted from the hour's beginning. They count for
-- as long as the hour as a whole has no generation.
CREATE TABLE IF NOT EXISTS rollup_slice_pointers_local
(
    source     LowCardinality(String),
    table_id   UUID,
    hour       Int32,
    seconds    UInt16,
    bucket     UInt16,
    generation UInt64 CODEC(ZSTD(1)),
    horizon    UInt64 CODEC(ZSTD(1)),
    written_at DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY (source, table_id, hour, seconds, bucket)
TTL written_at + INTERVAL 7 DAY
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;
