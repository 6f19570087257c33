-- Keys of the API. Only the SHA-256 of a key is kept. A key is written twice at most: when it is made (version 0) and when
-- it is revoked (version 1), so that a revocation stands whatever the clocks of two machines say.
CREATE TABLE IF NOT EXISTS access_keys_local
(
    key_id        String,
    digest        FixedString(32),
    name          String,
    role          LowCardinality(String),
    -- What the key is bound to, `user_id` or `service`; empty for a key that sees everything.
    scope_kind    LowCardinality(String),
    scope_value   String,
    created_at    DateTime64(6, 'UTC'),
    created_by    String,
    expires_at    Nullable(DateTime64(6, 'UTC')),
    revoked_at    Nullable(DateTime64(6, 'UTC')),
    version       UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY key_id
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- When a key was last used, to the minute. Apart from the keys, so that noting a use never rewrites a key.
CREATE TABLE IF NOT EXISTS access_key_uses_local
(
    key_id       String,
    last_used_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(last_used_at)
ORDER BY key_id;

CREATE VIEW IF NOT EXISTS access_keys AS
SELECT
    made.key_id AS key_id, made.digest AS digest, made.name AS name, made.role AS role, made.scope_kind AS scope_kind,
    made.scope_value AS scope_value, made.created_at AS created_at, made.created_by AS created_by,
    made.expires_at AS expires_at, made.revoked_at AS revoked_at, uses.last_used_at AS last_used_at
FROM (SELECT * FROM access_keys_local FINAL) AS made
LEFT JOIN
(
    SELECT key_id, toNullable(max(access_key_uses_local.last_used_at)) AS last_used_at
    FROM access_key_uses_local
    GROUP BY key_id
) AS uses USING (key_id);

-- What administrators did. Rows are only ever added.
CREATE TABLE IF NOT EXISTS audit_log_local
(
    entry_id    UUID,
    recorded_at DateTime64(6, 'UTC'),
    actor       String,
    actor_name  String,
    action      LowCardinality(String),
    subject     String,
    detail      String
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(recorded_at)
ORDER BY (recorded_at, entry_id)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS audit_log AS SELECT * FROM audit_log_local;
