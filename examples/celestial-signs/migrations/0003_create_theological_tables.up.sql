-- What was written of signs in the sky, the signs themselves, and which writing speaks of which sign.
CREATE TABLE prophecies (
  id                  serial PRIMARY KEY,
  scripture_reference text   NOT NULL,
  title               text   NOT NULL CHECK (title <> ''),
  summary             text   NOT NULL,
  category            text   NOT NULL CHECK (category IN ('sun', 'moon', 'stars', 'earth', 'conjunction')),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prophecies_title UNIQUE (scripture_reference, title)
);

CREATE INDEX prophecies_by_category ON prophecies (category);
CREATE INDEX prophecies_by_words ON prophecies USING gin (to_tsvector('english', title || ' ' || summary));

CREATE FUNCTION note_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

CREATE TRIGGER prophecies_note_update BEFORE UPDATE ON prophecies
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION note_update();

CREATE TABLE celestial_signs (
  id          serial  PRIMARY KEY,
  name        text    NOT NULL,
  sign_type   text    NOT NULL CHECK (sign_type IN ('eclipse', 'conjunction', 'meteor', 'comet', 'darkening', 'quake')),
  keywords    text[]  NOT NULL DEFAULT '{}',
  description text    NOT NULL DEFAULT '',
  CONSTRAINT celestial_signs_name UNIQUE (name)
);

CREATE INDEX celestial_signs_by_type ON celestial_signs (sign_type);
CREATE INDEX celestial_signs_by_keyword ON celestial_signs USING gin (keywords);

CREATE TABLE relationships (
  id                serial   PRIMARY KEY,
  prophecy_id       integer  NOT NULL REFERENCES prophecies (id) ON DELETE CASCADE,
  celestial_sign_id integer  NOT NULL REFERENCES celestial_signs (id) ON DELETE CASCADE,
  confidence        smallint NOT NULL CHECK (confidence BETWEEN 0 AND 100),
  CONSTRAINT relationships_once UNIQUE (prophecy_id, celestial_sign_id)
);

CREATE INDEX relationships_by_sign ON relationships (celestial_sign_id);
