// Where the database has PostGIS, what happens on the earth gets a place that can be measured from. Where it has not, latitude
// and longitude stay all there is, and this step changes nothing.
import { defineStep } from 'migrate-safe';

const TABLES = ['earthquakes', 'volcanic_activity'] as const;

export default defineStep({
  apply: async (knex) => {
    const postgis = await knex('pg_catalog.pg_extension').where({ extname: 'postgis' }).first('extname');
    if (postgis === undefined) return;
    for (const table of TABLES) {
      await knex.raw(
        `ALTER TABLE ?? ADD COLUMN place geography(Point, 4326)
           GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geography) STORED`,
        [table],
      );
      await knex.raw('CREATE INDEX ?? ON ?? USING gist (place)', [`${table}_by_distance`, table]);
    }
  },
  revert: async (knex) => {
    for (const table of TABLES) await knex.raw('ALTER TABLE ?? DROP COLUMN IF EXISTS place', [table]);
  },
  declares: { touches: [...TABLES] },
});
