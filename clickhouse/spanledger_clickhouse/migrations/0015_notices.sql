-- Alerts that come too fast are told of together. The notice that tells of an alert is named before it is sent, so that an
-- attempt after a crash tells of the same ones: the alert itself where it has a notice of its own, all zeroes until then.
ALTER TABLE alert_deliveries_local ADD COLUMN IF NOT EXISTS notice_id UUID;

CREATE OR REPLACE VIEW alert_deliveries AS
SELECT alert_id, channel, status, attempts, created_at, next_attempt_at, delivered_at, error, notice_id
FROM alert_deliveries_local FINAL;
