-- Sums by hour and by day of what the records say, so that a report need not read the records. Nothing here is written by
-- a view: a view may be cut off from its source by a crash. What changed is found by the blocks of the records themselves
-- (docs/adr/0012), which merges keep from here on.
ALTER TABLE cost_records_local MODIFY SETTING enable_block_number_column = 1;

ALTER TABLE performance_records_local MODIFY SETTING enable_block_number_column = 1;

-- Records of one user lie together, so that times beside each other differ in many bits and are near each other only as
-- whole numbers; amounts are mostly multiples of a large power of ten. Parts take this on as they are merged.
ALTER TABLE cost_records_local
    MODIFY COLUMN started_at CODEC(T64('bit'), ZSTD(1)),
    MODIFY COLUMN trace_id CODEC(ZSTD(1)),
    MODIFY COLUMN created_at CODEC(T64('bit'), ZSTD(1)),
    MODIFY COLUMN version CODEC(T64('bit'), ZSTD(1)),
    MODIFY COLUMN execution_id CODEC(ZSTD(3)),
    MODIFY COLUMN quantity CODEC(GCD, ZSTD(1)),
    MODIFY COLUMN total_cost CODEC(GCD, ZSTD(3)),
    MODIFY COLUMN user_id CODEC(ZSTD(1)),
    MODIFY COLUMN service CODEC(ZSTD(1)),
    MODIFY COLUMN operation CODEC(ZSTD(1)),
    MODIFY COLUMN model CODEC(ZSTD(1)),
    MODIFY COLUMN unit CODEC(ZSTD(1)),
    MODIFY COLUMN currency CODEC(ZSTD(1)),
    MODIFY COLUMN source CODEC(ZSTD(1)),
    MODIFY COLUMN price_id CODEC(ZSTD(1)),
    MODIFY COLUMN reason CODEC(ZSTD(1)),
    MODIFY COLUMN status CODEC(ZSTD(1)),
    MODIFY COLUMN task_type CODEC(ZSTD(1)),
    MODIFY COLUMN step_name CODEC(ZSTD(1)),
    MODIFY COLUMN prompt_category CODEC(ZSTD(1)),
    MODIFY COLUMN prompt_name CODEC(ZSTD(1));

ALTER TABLE performance_records_local
    MODIFY COLUMN started_at CODEC(T64('bit'), ZSTD(1)),
    MODIFY COLUMN trace_id CODEC(ZSTD(1)),
    MODIFY COLUMN created_at CODEC(T64('bit'), ZSTD(1)),
    MODIFY COLUMN version CODEC(T64('bit'), ZSTD(1)),
    MODIFY COLUMN execution_id CODEC(ZSTD(3)),
    MODIFY COLUMN user_id CODEC(ZSTD(1)),
    MODIFY COLUMN task_type CODEC(ZSTD(1)),
    MODIFY COLUMN step_name CODEC(ZSTD(1)),
    MODIFY COLUMN status CODEC(ZSTD(1));

-- Up to which block of a table of records every change has its mark. The id of the table is part of the key: a table that
-- was restored from a backup numbers its blocks anew.
CREATE TABLE IF NOT EXISTS rollup_progress_local
(
    source    LowCardinality(String),
    table_id  UUID,
    accounted UInt64
)
ENGINE = ReplacingMergeTree(accounted)
ORDER BY (source, table_id)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- The newest block that changed something in an hour, counted from 1970.
CREATE TABLE IF NOT EXISTS rollup_marks_local
(
    source   LowCardinality(String),
    table_id UUID,
    hour     Int32 CODEC(Delta, ZSTD(1)),
    touched  UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(touched)
ORDER BY (source, table_id, hour)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- Which generation of a bucket counts, and up to which block it holds every change. A bucket is `width` hours long and
-- counted from 1970. The row is written after the sums are.
CREATE TABLE IF NOT EXISTS rollup_pointers_local
(
    source     LowCardinality(String),
    table_id   UUID,
    width      UInt16,
    bucket     Int32 CODEC(Delta, ZSTD(1)),
    generation UInt64 CODEC(ZSTD(1)),
    horizon    UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY (source, table_id, width, bucket)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- The sums. `started_at` is where the bucket begins; a generation is one bucket's.
CREATE TABLE IF NOT EXISTS rollup_users_local
(
    generation    UInt64 CODEC(Delta, ZSTD(1)),
    started_at    DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    currency      LowCardinality(String),
    user_id       String CODEC(ZSTD(1)),
    cost          Decimal(76, 12) CODEC(ZSTD(1)),
    fallback_cost Decimal(76, 12) CODEC(ZSTD(1)),
    nanoseconds   UInt128 CODEC(ZSTD(1)),
    records       UInt64 CODEC(T64, ZSTD(1)),
    unpriced      UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(started_at)
ORDER BY (generation, currency, user_id)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS rollup_activity_local
(
    generation      UInt64 CODEC(Delta, ZSTD(1)),
    started_at      DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    currency        LowCardinality(String),
    service         LowCardinality(String),
    operation       LowCardinality(String),
    model           LowCardinality(String),
    task_type       LowCardinality(String),
    step_name       LowCardinality(String),
    prompt_category LowCardinality(String),
    prompt_name     LowCardinality(String),
    source          LowCardinality(String),
    status          LowCardinality(String),
    unit            LowCardinality(String),
    cost            Decimal(76, 12) CODEC(ZSTD(1)),
    fallback_cost   Decimal(76, 12) CODEC(ZSTD(1)),
    quantity        Decimal(76, 12) CODEC(ZSTD(1)),
    nanoseconds     UInt128 CODEC(ZSTD(1)),
    records         UInt64 CODEC(T64, ZSTD(1)),
    unpriced        UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(started_at)
ORDER BY (generation, currency, service, operation)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- Runs of a step whose durations differ by at most 2 %: percentiles are taken over these, each standing for its middle.
CREATE TABLE IF NOT EXISTS rollup_steps_local
(
    generation     UInt64 CODEC(Delta, ZSTD(1)),
    started_at     DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    task_type      LowCardinality(String),
    step_name      LowCardinality(String),
    status         LowCardinality(String),
    duration_class Int16 CODEC(Delta, ZSTD(1)),
    nanoseconds    UInt128 CODEC(ZSTD(1)),
    shortest       UInt64 CODEC(ZSTD(1)),
    longest        UInt64 CODEC(ZSTD(1)),
    records        UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(started_at)
ORDER BY (generation, task_type, step_name, status, duration_class)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- In which hours an execution has records, so that one execution is found whatever the size of the ledger.
CREATE TABLE IF NOT EXISTS rollup_cost_executions_local
(
    generation   UInt64 CODEC(Delta, ZSTD(1)),
    started_at   DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    execution_id String CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(started_at)
ORDER BY (execution_id, started_at, generation)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS rollup_performance_executions_local
(
    generation   UInt64 CODEC(Delta, ZSTD(1)),
    started_at   DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    execution_id String CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(started_at)
ORDER BY (execution_id, started_at, generation)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;
