-- What is known of bodies in the sky: where they are, how they move, how near they come. Angles are degrees of J2000,
-- distances astronomical units, times UTC.
CREATE TABLE ephemeris (
  id                     bigserial        PRIMARY KEY,
  object_name            text             NOT NULL,
  epoch                  timestamptz      NOT NULL,
  right_ascension_deg    double precision NOT NULL CHECK (right_ascension_deg >= 0 AND right_ascension_deg < 360),
  declination_deg        double precision NOT NULL CHECK (declination_deg BETWEEN -90 AND 90),
  ecliptic_longitude_deg double precision NOT NULL CHECK (ecliptic_longitude_deg >= 0 AND ecliptic_longitude_deg < 360),
  distance_au            double precision NOT NULL CHECK (distance_au > 0),
  source                 text             NOT NULL DEFAULT 'JPL Horizons',
  CONSTRAINT ephemeris_once_per_epoch UNIQUE (object_name, epoch)
);

CREATE INDEX ephemeris_by_epoch ON ephemeris (epoch);
CREATE INDEX ephemeris_by_position ON ephemeris (right_ascension_deg, declination_deg);

CREATE TABLE orbital_elements (
  id                       serial           PRIMARY KEY,
  designation              text             NOT NULL,
  object_class             text             NOT NULL CHECK (object_class IN ('Apollo', 'Aten', 'Amor', 'Atira', 'comet')),
  epoch                    timestamptz      NOT NULL,
  semi_major_axis_au       double precision NOT NULL CHECK (semi_major_axis_au > 0),
  eccentricity             double precision NOT NULL CHECK (eccentricity >= 0),
  inclination_deg          double precision NOT NULL CHECK (inclination_deg BETWEEN 0 AND 180),
  perihelion_distance_au   double precision NOT NULL GENERATED ALWAYS AS (semi_major_axis_au * (1 - eccentricity)) STORED,
  absolute_magnitude       double precision,
  is_potentially_hazardous boolean          NOT NULL DEFAULT false,
  CONSTRAINT orbital_elements_designation UNIQUE (designation)
);

CREATE INDEX orbital_elements_by_class ON orbital_elements (object_class);
CREATE INDEX orbital_elements_by_perihelion ON orbital_elements (perihelion_distance_au);
CREATE INDEX orbital_elements_hazardous ON orbital_elements (designation) WHERE is_potentially_hazardous;

CREATE TABLE impact_risks (
  id                 serial           PRIMARY KEY,
  orbital_element_id integer          NOT NULL REFERENCES orbital_elements (id) ON DELETE CASCADE,
  impact_date        date             NOT NULL,
  impact_probability double precision NOT NULL CHECK (impact_probability > 0 AND impact_probability <= 1),
  palermo_scale      double precision NOT NULL,
  torino_scale       smallint         NOT NULL DEFAULT 0 CHECK (torino_scale BETWEEN 0 AND 10),
  CONSTRAINT impact_risks_once_per_date UNIQUE (orbital_element_id, impact_date)
);

CREATE INDEX impact_risks_by_date ON impact_risks (impact_date);
CREATE INDEX impact_risks_by_palermo ON impact_risks (palermo_scale DESC);

CREATE TABLE close_approaches (
  id                    serial           PRIMARY KEY,
  orbital_element_id    integer          NOT NULL REFERENCES orbital_elements (id) ON DELETE CASCADE,
  approach_time         timestamptz      NOT NULL,
  miss_distance_au      double precision NOT NULL CHECK (miss_distance_au >= 0),
  relative_velocity_kms double precision NOT NULL CHECK (relative_velocity_kms > 0),
  CONSTRAINT close_approaches_once UNIQUE (orbital_element_id, approach_time)
);

CREATE INDEX close_approaches_by_time ON close_approaches (approach_time);
CREATE INDEX close_approaches_by_distance ON close_approaches (miss_distance_au);
