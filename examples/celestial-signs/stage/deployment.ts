// How every scenario begins: an empty database gets its schema, its data, and the steps that came later.
import { REPEATED_EARTHQUAKES } from '../data/events.js';
import { rowsIn, withoutRepeats } from '../data/contents.js';
import { writeTables } from '../data/tables.js';
import { value } from './sql.js';
import type { Scenario } from './stage.js';
import { check, countText, told } from './terminal.js';

/** What belongs to an extension is not counted. */
const own = (oid: string): string => `NOT EXISTS (SELECT FROM pg_depend WHERE objid = ${oid} AND deptype = 'e')`;
const COUNT = {
  tables: `SELECT count(*)::integer FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND ${own('oid')}`,
  indexes: `SELECT count(*)::integer FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
             WHERE relnamespace = 'public'::regnamespace AND ${own('indrelid')}`,
  sequences: `SELECT count(*)::integer FROM pg_sequences WHERE schemaname = 'public'`,
  checks: `SELECT count(*)::integer FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace AND contype = 'c' AND ${own('conrelid')}`,
} as const;

export const deployment: Scenario = {
  name: 'Deployment',
  problem: ['An empty database gets its schema in four steps, then 118,560 rows, then the five steps that came later.'],
  async play(stage) {
    await stage.project.create();
    await stage.createDatabase();
    await stage.command('status');
    const first = await stage.command('up', '--to', '0004');
    const { url } = stage;
    const counts = await Promise.all(Object.values(COUNT).map((sql) => value<number>(url, sql)));
    const [tables, indexes, sequences, checks] = counts;
    check(
      'the schema is there',
      first.code === 0 && tables === 15 && indexes === 60 && sequences === 15,
      `${tables} tables, ${indexes} indexes, ${sequences} sequences, ${checks} checks`,
    );

    const started = performance.now();
    await writeTables(url, stage.truth);
    told(`${countText(rowsIn(stage.truth))} rows written in ${Math.round(performance.now() - started)} ms`);
    await stage.checkRows('every row is in the database as it was made up');

    const later = await stage.command('up');
    const rest = await stage.project.ask<{ pending: number }>(url, ['status']);
    check('the later steps are applied', later.code === 0 && rest.pending === 0);
    stage.truth = withoutRepeats(stage.truth);
    await stage.checkRows(`the ${REPEATED_EARTHQUAKES} repeated earthquakes are gone, and nothing else`);
    const signs = await value<number>(
      url,
      `SELECT count(*)::integer FROM ephemeris WHERE zodiac_sign = 'Leo' AND ecliptic_longitude_deg >= 120 AND ecliptic_longitude_deg < 150`,
    );
    const lions = (stage.truth['ephemeris'] ?? []).filter(
      ({ ecliptic_longitude_deg: longitude }) => Math.floor(Number(longitude) / 30) === 4,
    );
    check('every position has its sign of the zodiac', signs === lions.length, `${countText(signs ?? 0)} in Leo`);
    const valid = await value<boolean>(
      url,
      `SELECT indisvalid FROM pg_index WHERE indexrelid = 'ephemeris_by_zodiac_sign'::regclass`,
    );
    check('the index that was built beside the writers is valid', valid === true);
    const verses = await value<string>(
      url,
      `SELECT format('%s %s %s', book, chapter, verses) FROM prophecies WHERE scripture_reference = '2 Peter 3:10'`,
    );
    check('references are read', verses === '2 Peter 3 [10,11)', verses);
    const places = await value<number>(
      url,
      `SELECT count(*)::integer FROM information_schema.columns WHERE column_name = 'place' AND table_schema = 'public'`,
    );
    check('events have places where PostGIS is', places === (stage.hasPostgis ? 2 : 0));
    const again = await stage.command('up');
    check('a second look finds nothing to do', again.code === 0);
  },
};
