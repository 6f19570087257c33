-- On a cluster blocks become visible in any order, and each shard numbers its own. So what rollups have accounted for is
-- the set of blocks that every replica had when a worker looked, and marks, pointers and slices carry the number of that
-- observation instead of a block's (docs/adr/0015). All of it in one row, so that there is never a part of it; only the
-- newest row of a source is of use. Empty on a single server.
CREATE TABLE IF NOT EXISTS rollup_observations_local
(
    source     LowCardinality(String),
    number     UInt64,
    replicas   Array(String) CODEC(ZSTD(1)),
    shards     Array(UInt32) CODEC(ZSTD(1)),
    partitions Array(String) CODEC(ZSTD(1)),
    firsts     Array(UInt64) CODEC(ZSTD(1)),
    lasts      Array(UInt64) CODEC(ZSTD(1)),
    mutations  Array(UInt64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(number)
ORDER BY source
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;
