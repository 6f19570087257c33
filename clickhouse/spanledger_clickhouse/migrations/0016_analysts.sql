-- access-management
-- What analysts of a server may: read the ledger in SQL and nothing else, inside limits. No right to files, other servers or
-- buckets is granted, so there is none. The user itself is made by `spanledger migrate` with SPANLEDGER_ANALYST_PASSWORD.
CREATE SETTINGS PROFILE IF NOT EXISTS spanledger_analyst SETTINGS
    -- 2, not 1: drivers send settings of formats and of the dialect, which 1 would refuse.
    readonly = 2 READONLY,
    max_execution_time = 30 MAX 30,
    max_memory_usage = 1000000000 MAX 1000000000,
    max_rows_to_read = 1000000000 MAX 1000000000,
    max_result_rows = 10000000 MAX 10000000,
    max_result_bytes = 500000000 MAX 500000000,
    max_threads = 4 MAX 4,
    max_concurrent_queries_for_user = 4 READONLY,
    allow_introspection_functions = 0 READONLY;

CREATE ROLE IF NOT EXISTS spanledger_analyst SETTINGS PROFILE 'spanledger_analyst';

CREATE QUOTA IF NOT EXISTS spanledger_analyst
    FOR INTERVAL 1 hour MAX queries = 2000, execution_time = 1800
    TO spanledger_analyst;

-- The views read the tables below them with the rights of whoever asks.
GRANT SELECT ON otel_traces TO spanledger_analyst;
GRANT SELECT ON cost_records TO spanledger_analyst;
GRANT SELECT ON cost_records_local TO spanledger_analyst;
GRANT SELECT ON performance_records TO spanledger_analyst;
GRANT SELECT ON performance_records_local TO spanledger_analyst;
GRANT SELECT ON task_executions TO spanledger_analyst;
GRANT SELECT ON task_executions_local TO spanledger_analyst;
