// Compares the rows of a table with those of its copy, each as the text that says all of it.
import { ok, safeTry, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { quoted, sqlName } from '../name.js';
import type { KeptTable } from './catalogue.js';

/** A row as text: null and empty are two things in it. */
export const rowText = (alias: string, names: readonly string[]): string =>
  `ROW(${names.map((name) => `${alias}.${quoted(name)}`).join(', ')})::text`;

/** The columns that a statement can fill. */
export const ownColumns = ({ columns }: KeptTable): readonly string[] =>
  columns.filter(({ generated }) => !generated).map(({ name }) => name);

export interface Difference {
  /** Rows of the table that the copy does not have in that form. */
  readonly written: number;
  /** Rows of the copy that the table has no more. */
  readonly deleted: number;
}

/** Without a key a row that was changed is one that was written and one that was deleted. */
export function differenceOf(connection: PostgresConnection, table: KeptTable): ResultAsync<Difference, SqlError> {
  const live = `ONLY ${sqlName(table)} AS l`;
  const copy = `${table.copy} AS c`;
  const [inLive, inCopy] = [rowText('l', ownColumns(table)), rowText('c', ownColumns(table))];
  const missing =
    table.key.length === 0
      ? `(SELECT ${inCopy} FROM ${copy} EXCEPT ALL SELECT ${inLive} FROM ${live}) AS d`
      : `${copy} WHERE NOT EXISTS (SELECT 1 FROM ${live} WHERE ${rowText('l', table.key)} = ${rowText('c', table.key)})`;
  return connection
    .query<Difference>(
      `SELECT (SELECT pg_catalog.count(*) FROM (SELECT ${inLive} FROM ${live} EXCEPT ALL SELECT ${inCopy} FROM ${copy}) AS d) AS written,
              (SELECT pg_catalog.count(*) FROM ${missing}) AS deleted`,
    )
    .map(({ rows }) => rows[0] ?? { written: 0, deleted: 0 });
}

const digest = (text: string, from: string): string =>
  `(SELECT pg_catalog.concat_ws(' ', pg_catalog.count(*), pg_catalog.sum(pg_catalog.hashtextextended(${text}, 0))) FROM ${from})`;

/** As many rows, and the same ones in any order. */
export function isSame(connection: PostgresConnection, table: KeptTable): ResultAsync<boolean, SqlError> {
  return safeTry(async function* () {
    const names = ownColumns(table);
    const { rows } = yield* connection.query<{ same: boolean }>(
      `SELECT ${digest(rowText('l', names), `ONLY ${sqlName(table)} AS l`)} = ${digest(rowText('c', names), `${table.copy} AS c`)} AS same`,
    );
    return ok(rows[0]?.same === true);
  });
}
