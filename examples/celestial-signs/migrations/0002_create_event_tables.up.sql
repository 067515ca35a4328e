-- What happens on the earth and on the sun, as the feeds report it.
CREATE DOMAIN latitude AS double precision CHECK (VALUE BETWEEN -90 AND 90);
CREATE DOMAIN longitude AS double precision CHECK (VALUE BETWEEN -180 AND 180);

CREATE TABLE earthquakes (
  id          serial           PRIMARY KEY,
  event_code  text             NOT NULL,
  reported_by text             NOT NULL,
  occurred_at timestamptz      NOT NULL,
  magnitude   double precision NOT NULL CHECK (magnitude BETWEEN -1 AND 10),
  depth_km    double precision NOT NULL CHECK (depth_km BETWEEN 0 AND 800),
  latitude    latitude         NOT NULL,
  longitude   longitude        NOT NULL,
  region      text             NOT NULL
);

CREATE INDEX earthquakes_by_code ON earthquakes (event_code);
CREATE INDEX earthquakes_by_time ON earthquakes (occurred_at);
CREATE INDEX earthquakes_by_magnitude ON earthquakes (magnitude DESC);
CREATE INDEX earthquakes_by_place ON earthquakes (latitude, longitude);

CREATE TABLE solar_events (
  id         serial      PRIMARY KEY,
  event_type text        NOT NULL CHECK (event_type IN ('flare', 'coronal mass ejection', 'geomagnetic storm')),
  class      text        CHECK (class ~ '^[ABCMX][0-9]+(\.[0-9])?$'),
  kp_index   smallint    CHECK (kp_index BETWEEN 0 AND 9),
  started_at timestamptz NOT NULL,
  ended_at   timestamptz,
  CONSTRAINT solar_events_have_a_class CHECK (event_type <> 'flare' OR class IS NOT NULL),
  CONSTRAINT solar_events_end_after_start CHECK (ended_at >= started_at)
);

CREATE INDEX solar_events_by_time ON solar_events (started_at);
CREATE INDEX solar_events_by_type ON solar_events (event_type, started_at);
CREATE INDEX solar_events_storms ON solar_events (kp_index) WHERE kp_index >= 5;

CREATE TABLE meteor_showers (
  id                     serial           PRIMARY KEY,
  iau_code               char(3)          NOT NULL,
  name                   text             NOT NULL,
  parent_body            text,
  peak_at                timestamptz      NOT NULL,
  zenithal_hourly_rate   smallint         NOT NULL CHECK (zenithal_hourly_rate >= 0),
  radiant_declination_deg double precision NOT NULL CHECK (radiant_declination_deg BETWEEN -90 AND 90),
  CONSTRAINT meteor_showers_once_per_peak UNIQUE (iau_code, peak_at)
);

CREATE INDEX meteor_showers_by_peak ON meteor_showers (peak_at);

CREATE TABLE volcanic_activity (
  id                serial      PRIMARY KEY,
  volcano_name      text        NOT NULL,
  started_at        timestamptz NOT NULL,
  ended_at          timestamptz,
  explosivity_index smallint    NOT NULL CHECK (explosivity_index BETWEEN 0 AND 8),
  latitude          latitude    NOT NULL,
  longitude         longitude   NOT NULL,
  CONSTRAINT volcanic_activity_once UNIQUE (volcano_name, started_at),
  CONSTRAINT volcanic_activity_ends_after_start CHECK (ended_at >= started_at)
);

CREATE INDEX volcanic_activity_by_time ON volcanic_activity (started_at);
CREATE INDEX volcanic_activity_by_place ON volcanic_activity (latitude, longitude);
CREATE INDEX volcanic_activity_ongoing ON volcanic_activity (volcano_name) WHERE ended_at IS NULL;
