ALTER TABLE volcanic_activity DROP COLUMN IF EXISTS place;
ALTER TABLE earthquakes DROP COLUMN IF EXISTS place;
