// What stands around tables that are to be filled anew: foreign keys in both directions, triggers and rules.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import type { QualifiedName } from '../name.js';

export interface ForeignKey {
  readonly name: string;
  readonly child: QualifiedName;
  readonly parent: QualifiedName;
  readonly childColumns: readonly string[];
  readonly parentColumns: readonly string[];
  /** `OPERATOR(pg_catalog.=)` per column, parent on the left. */
  readonly operators: readonly string[];
  readonly valid: boolean;
  /** Both are tables with rows of their own, and the key is meant for the whole of the parent. */
  readonly plain: boolean;
  /** What follows an update of the parent's columns is more than a refusal. */
  readonly follows: boolean;
}

/** A foreign key as it has to be made again. */
export interface Declaration {
  readonly table: QualifiedName;
  readonly name: string;
  readonly definition: string;
  readonly comment: string | null;
}

/** A trigger or a rule, with `O`, `R`, `A` or `D` for when it fires. */
export interface Reaction {
  readonly table: QualifiedName;
  readonly name: string;
  readonly fires: string;
}

export interface Surroundings {
  readonly keys: readonly ForeignKey[];
  /** Those by which others refer to the tables, at the level where they were declared. */
  readonly incoming: readonly Declaration[];
  readonly triggers: readonly Reaction[];
  readonly rules: readonly Reaction[];
}

const nameBy = (relation: string): string =>
  `(SELECT pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = ${relation})`;
const columns = (keys: string, relation: string): string =>
  `(SELECT pg_catalog.json_agg(a.attname ORDER BY u.at) FROM pg_catalog.unnest(${keys}) WITH ORDINALITY AS u (num, at) JOIN pg_catalog.pg_attribute AS a ON a.attrelid = ${relation} AND a.attnum = u.num)`;
const OPERATORS = `(SELECT pg_catalog.json_agg(pg_catalog.format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY u.at)
  FROM pg_catalog.unnest(k.conpfeqop) WITH ORDINALITY AS u (op, at) JOIN pg_catalog.pg_operator AS o ON o.oid = u.op JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace)`;
const list = (object: string, from: string): string =>
  `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(${object})), '[]') FROM ${from})`;

const SURROUNDINGS = `
WITH RECURSIVE wanted AS (
  SELECT c.oid FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS w (nspname, relname)
  JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.nspname
  JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.relname
), upwards AS (
  SELECT k.oid, k.conparentid FROM pg_catalog.pg_constraint AS k WHERE k.contype = 'f' AND k.confrelid IN (SELECT oid FROM wanted)
  UNION SELECT k.oid, k.conparentid FROM pg_catalog.pg_constraint AS k JOIN upwards AS u ON k.oid = u.conparentid
)
SELECT pg_catalog.json_build_object(
  'keys', ${list(
    `'name', k.conname, 'child', ${nameBy('k.conrelid')}, 'parent', ${nameBy('k.confrelid')},
     'childColumns', ${columns('k.conkey', 'k.conrelid')}, 'parentColumns', ${columns('k.confkey', 'k.confrelid')},
     'operators', ${OPERATORS}, 'valid', k.convalidated,
     'plain', ch.relkind = 'r' AND pa.relkind = 'r' AND NOT (pa.relispartition AND k.conparentid <> 0),
     'follows', k.confupdtype NOT IN ('a', 'r')`,
    `pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_class AS ch ON ch.oid = k.conrelid JOIN pg_catalog.pg_class AS pa ON pa.oid = k.confrelid
     WHERE k.contype = 'f' AND (k.conrelid IN (SELECT oid FROM wanted) OR k.confrelid IN (SELECT oid FROM wanted))`,
  )},
  'incoming', ${list(
    `'table', ${nameBy('k.conrelid')}, 'name', k.conname, 'definition', pg_catalog.pg_get_constraintdef(k.oid),
     'comment', pg_catalog.obj_description(k.oid, 'pg_constraint')`,
    `pg_catalog.pg_constraint AS k WHERE k.oid IN (SELECT oid FROM upwards WHERE conparentid = 0)`,
  )},
  'triggers', ${list(
    `'table', ${nameBy('t.tgrelid')}, 'name', t.tgname, 'fires', t.tgenabled`,
    `pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
     WHERE t.tgrelid IN (SELECT oid FROM wanted) AND (NOT t.tgisinternal OR p.pronamespace <> 'pg_catalog'::regnamespace)`,
  )},
  'rules', ${list(
    `'table', ${nameBy('w.ev_class')}, 'name', w.rulename, 'fires', w.ev_enabled`,
    `pg_catalog.pg_rewrite AS w WHERE w.ev_class IN (SELECT oid FROM wanted) AND w.rulename <> '_RETURN'`,
  )}
)::text AS found`;

export function readSurroundings(
  connection: PostgresConnection,
  tables: readonly QualifiedName[],
): ResultAsync<Surroundings, SqlError> {
  return connection
    .query<{ found: string }>(SURROUNDINGS, [tables.map(({ schema }) => schema), tables.map(({ name }) => name)])
    .map(({ rows }) => JSON.parse(rows[0]?.found ?? '{}') as Surroundings);
}
