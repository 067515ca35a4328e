-- Where the database has PostGIS, what happens on the earth gets a place that can be measured from. Where it has not, latitude
-- and longitude stay all there is, and this step changes nothing.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'postgis') THEN
    RETURN;
  END IF;

  ALTER TABLE earthquakes ADD COLUMN place geography(Point, 4326)
    GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geography) STORED;
  CREATE INDEX earthquakes_by_distance ON earthquakes USING gist (place);

  ALTER TABLE volcanic_activity ADD COLUMN place geography(Point, 4326)
    GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geography) STORED;
  CREATE INDEX volcanic_activity_by_distance ON volcanic_activity USING gist (place);
END
$$;
