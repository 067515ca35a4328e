// What a copy has to know of its table, and a restore of both: columns, key, sequences, and how a value is kept.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { quoted, sqlName, type QualifiedName } from '../name.js';

export interface ColumnFacts {
  readonly name: string;
  /** As the server writes it with an empty search path. */
  readonly type: string;
  /**
   * `text`: a value of a type that is not the server's own is kept as the text that its type makes of it, so that the copy
   * stays when the type goes.
   */
  readonly kept: 'native' | 'text';
  /** By a collation that may go, and would take the column with it. */
  readonly collated: boolean;
  readonly generated: boolean;
  /** As `pg_attribute.attidentity` has it. */
  readonly identity: '' | 'a' | 'd';
}

export interface SequenceFacts extends QualifiedName {
  /** As text: it may be past 2^53. */
  readonly last: string;
  readonly called: boolean;
}

export interface TableFacts extends QualifiedName {
  readonly columns: readonly ColumnFacts[];
  /** Columns of the primary key, in its order; empty where there is none. */
  readonly key: readonly string[];
  /** Those that belong to its columns. */
  readonly sequences: readonly QualifiedName[];
}

/** What the server brings along; an identifier of an object (`regclass`) means another one after a restore. */
const IS_NATIVE = `
  (t.oid < 16384 AND t.typtype IN ('b', 'r', 'm') AND t.typname !~ '^_?(reg|aclitem)'
   AND (t.typelem = 0 OR EXISTS (SELECT 1 FROM pg_catalog.pg_type AS e WHERE e.oid = t.typelem AND e.oid < 16384 AND e.typtype IN ('b', 'r', 'm'))))`;

/** Those that every database has and none can drop. */
const IS_COLLATED = `a.attcollation <> 0 AND a.attcollation <> ALL (
  ARRAY['pg_catalog."default"', 'pg_catalog."C"', 'pg_catalog."POSIX"']::pg_catalog.regcollation[])`;

const FACTS = `
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'schema', n.nspname, 'name', c.relname,
  'columns', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'kept', CASE WHEN ${IS_NATIVE} THEN 'native' ELSE 'text' END, 'collated', ${IS_COLLATED},
      'generated', a.attgenerated <> '', 'identity', a.attidentity) ORDER BY a.attnum), '[]')
    FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'key', (SELECT coalesce(pg_catalog.json_agg(a.attname ORDER BY k.at), '[]')
    FROM pg_catalog.pg_index AS i, pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (num, at), pg_catalog.pg_attribute AS a
    WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND k.at <= i.indnkeyatts AND a.attrelid = c.oid AND a.attnum = k.num),
  'sequences', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('schema', sn.nspname, 'name', s.relname) ORDER BY sn.nspname, s.relname), '[]')
    FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_catalog.pg_namespace AS sn ON sn.oid = s.relnamespace
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
      AND d.refobjid = c.oid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'))
) ORDER BY w.at), '[]')::text AS facts
FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) WITH ORDINALITY AS w (nspname, relname, at)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.nspname
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.relname AND c.relkind = 'r'`;

/** In the order of `tables`; those that are not there, or have no rows of their own, are left out. */
export function readFacts(
  connection: PostgresConnection,
  tables: readonly QualifiedName[],
): ResultAsync<readonly TableFacts[], SqlError> {
  return connection
    .query<{ facts: string }>(FACTS, [tables.map(({ schema }) => schema), tables.map(({ name }) => name)])
    .map(({ rows }) => JSON.parse(rows[0]?.facts ?? '[]') as readonly TableFacts[]);
}

export function readSequence(
  connection: PostgresConnection,
  sequence: QualifiedName,
): ResultAsync<SequenceFacts, SqlError> {
  return connection
    .query<{ last: string; called: boolean }>(
      `SELECT last_value::text AS last, is_called AS called FROM ${sqlName(sequence)}`,
    )
    .map(({ rows }) => ({ ...sequence, last: rows[0]?.last ?? '1', called: rows[0]?.called ?? false }));
}

/** The column as the copy keeps it. A row of nothing but nulls is a value, and IS NULL all the same. */
export function keptColumn({ name, kept, collated }: ColumnFacts): string {
  const column = `t.${quoted(name)}`;
  if (kept === 'text')
    return `CASE WHEN ${column} IS NOT DISTINCT FROM NULL THEN NULL ELSE pg_catalog.format('%s', ${column}) COLLATE pg_catalog."C" END AS ${quoted(name)}`;
  // With the collation that it has, a row is copied as it lies there.
  return collated ? `${column} COLLATE pg_catalog."C" AS ${quoted(name)}` : `${column} AS ${quoted(name)}`;
}

/** The column of the copy, `c`, as its table wants it. */
export const restoredColumn = ({ name, type, kept }: ColumnFacts, alias = 'c'): string =>
  kept === 'text' ? `${alias}.${quoted(name)}::${type}` : `${alias}.${quoted(name)}`;

/** Values as text that says all of them, whatever the role or the database is set to. */
export const TEXT_SETTINGS = `
SELECT pg_catalog.set_config(name, value, true) FROM (VALUES
  ('TimeZone', 'UTC'), ('DateStyle', 'ISO, MDY'), ('IntervalStyle', 'postgres'), ('bytea_output', 'hex'),
  ('extra_float_digits', '1'), ('xmloption', 'content'), ('row_security', 'off')) AS s (name, value)`;
