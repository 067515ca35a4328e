DROP TABLE volcanic_activity;
DROP TABLE meteor_showers;
DROP TABLE solar_events;
DROP TABLE earthquakes;

DROP DOMAIN longitude;
DROP DOMAIN latitude;
