ALTER TABLE earthquakes DROP CONSTRAINT earthquakes_event_code;
CREATE INDEX earthquakes_by_code ON earthquakes (event_code);
