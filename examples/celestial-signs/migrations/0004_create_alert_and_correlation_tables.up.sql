-- Which event raises which alert, and which events belong together.
CREATE EXTENSION "uuid-ossp";

CREATE TYPE severity AS ENUM ('info', 'watch', 'warning', 'critical');

CREATE TABLE triggers (
  id          serial   PRIMARY KEY,
  name        text     NOT NULL,
  data_source text     NOT NULL,
  condition   jsonb    NOT NULL CHECK (jsonb_typeof(condition) = 'object'),
  severity    severity NOT NULL DEFAULT 'info',
  is_enabled  boolean  NOT NULL DEFAULT true,
  CONSTRAINT triggers_name UNIQUE (name)
);

CREATE INDEX triggers_enabled ON triggers (data_source) WHERE is_enabled;

CREATE TABLE alerts (
  id                serial      PRIMARY KEY,
  reference         uuid        NOT NULL DEFAULT uuid_generate_v4(),
  trigger_id        integer     NOT NULL REFERENCES triggers (id),
  celestial_sign_id integer     REFERENCES celestial_signs (id) ON DELETE SET NULL,
  severity          severity    NOT NULL,
  title             text        NOT NULL,
  raised_at         timestamptz NOT NULL DEFAULT now(),
  acknowledged_at   timestamptz,
  CONSTRAINT alerts_reference UNIQUE (reference),
  CONSTRAINT alerts_acknowledged_after CHECK (acknowledged_at >= raised_at)
);

CREATE INDEX alerts_by_trigger ON alerts (trigger_id);
CREATE INDEX alerts_by_sign ON alerts (celestial_sign_id);
CREATE INDEX alerts_by_time ON alerts (raised_at DESC);
CREATE INDEX alerts_open ON alerts (severity, raised_at) WHERE acknowledged_at IS NULL;

CREATE TABLE rules (
  id          serial   PRIMARY KEY,
  name        text     NOT NULL,
  first_kind  text     NOT NULL,
  second_kind text     NOT NULL,
  within      interval NOT NULL CHECK (within > interval '0'),
  CONSTRAINT rules_name UNIQUE (name),
  CONSTRAINT rules_are_of_two_kinds CHECK (first_kind <> second_kind)
);

CREATE TABLE detected_correlations (
  id             serial        PRIMARY KEY,
  rule_id        integer       NOT NULL REFERENCES rules (id),
  earthquake_id  integer       REFERENCES earthquakes (id) ON DELETE SET NULL,
  solar_event_id integer       REFERENCES solar_events (id) ON DELETE SET NULL,
  score          numeric(5, 4) NOT NULL CHECK (score BETWEEN 0 AND 1),
  details        jsonb         NOT NULL DEFAULT '{}',
  detected_at    timestamptz   NOT NULL DEFAULT now()
);

CREATE INDEX detected_correlations_by_rule ON detected_correlations (rule_id, detected_at);
CREATE INDEX detected_correlations_by_earthquake ON detected_correlations (earthquake_id);
CREATE INDEX detected_correlations_by_solar_event ON detected_correlations (solar_event_id);

CREATE VIEW open_alerts AS
  SELECT alerts.reference, alerts.severity, alerts.title, alerts.raised_at, triggers.name AS raised_by
    FROM alerts JOIN triggers ON triggers.id = alerts.trigger_id
   WHERE alerts.acknowledged_at IS NULL;
