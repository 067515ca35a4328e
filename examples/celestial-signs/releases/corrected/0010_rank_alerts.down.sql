ALTER TABLE alerts DROP COLUMN urgency;
