-- How urgent an alert is, as a number to sort by.
ALTER TABLE alerts ADD COLUMN urgency smallint;

UPDATE alerts
   SET urgency = CASE severity WHEN 'info' THEN 1 WHEN 'watch' THEN 2 WHEN 'warning' THEN 3 WHEN 'critical' THEN 4 END;

ALTER TABLE alerts ALTER COLUMN urgency SET NOT NULL;
CREATE INDEX alerts_by_urgency ON alerts (urgency DESC, raised_at);
