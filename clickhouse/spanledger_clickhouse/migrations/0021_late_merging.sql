-- A whole month is merged into one part once nothing has been written to it for so long, which takes a core for a minute
-- at a hundred million records. After every ten quiet minutes that was too often: whoever came back met it at work.
ALTER TABLE cost_records_local MODIFY SETTING min_age_to_force_merge_seconds = 3600;

ALTER TABLE performance_records_local MODIFY SETTING min_age_to_force_merge_seconds = 3600;

ALTER TABLE task_executions_local MODIFY SETTING min_age_to_force_merge_seconds = 3600;
