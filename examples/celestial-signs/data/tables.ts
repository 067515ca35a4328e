// Writes the made-up rows into the tables, and finds where the tables hold something else.
import { connected } from '../stage/sql.js';
import type { Contents, Row } from './contents.js';

/** A statement takes its rows as one JSON text, which PostgreSQL takes apart faster than it binds values one by one. */
const columnsOf = (rows: readonly Row[]): string => Object.keys(rows[0] ?? {}).join(', ');

/** Writes all of it, or nothing. Sequences go on behind the highest id. */
export async function writeTables(url: string, contents: Contents): Promise<void> {
  await connected(url, async (client) => {
    await client.query('BEGIN');
    for (const [table, rows] of Object.entries(contents)) {
      const columns = columnsOf(rows);
      await client.query(
        `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM json_populate_recordset(NULL::${table}, $1)`,
        [JSON.stringify(rows)],
      );
      await client.query(`SELECT setval(pg_get_serial_sequence($1, 'id'), max(id)) FROM ${table}`, [table]);
    }
    await client.query('COMMIT');
  });
  // Outside the transaction, so that the planner knows the tables from the beginning.
  await connected(url, (client) => client.query('ANALYZE'));
}

/** What of a table is not as it was made up: rows that are missing, and rows that nobody made up. */
export interface Difference {
  readonly table: string;
  readonly missing: number;
  readonly unknown: number;
}

/** Every value of every row, by PostgreSQL's own equality. Columns that later steps add do not count. */
export async function differences(url: string, contents: Contents): Promise<readonly Difference[]> {
  return connected(url, async (client) => {
    const found: Difference[] = [];
    for (const [table, rows] of Object.entries(contents)) {
      const columns = columnsOf(rows);
      const { rows: counts } = await client.query<Omit<Difference, 'table'>>(
        `WITH made_up AS MATERIALIZED (SELECT ${columns} FROM json_populate_recordset(NULL::${table}, $1)),
              there AS MATERIALIZED (SELECT ${columns} FROM ${table})
         SELECT (SELECT count(*) FROM (TABLE made_up EXCEPT ALL TABLE there) AS a)::integer AS missing,
                (SELECT count(*) FROM (TABLE there EXCEPT ALL TABLE made_up) AS b)::integer AS unknown`,
        [JSON.stringify(rows)],
      );
      for (const { missing, unknown } of counts) if (missing + unknown > 0) found.push({ table, missing, unknown });
    }
    return found;
  });
}
