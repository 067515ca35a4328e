// One look at what the server knows of the running transaction: its number, its counters, its locks.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { momentOf, type Moment } from '../inspect/moment.js';
import type { Counters } from './account.js';
import { OWN_NUMBERS } from './relations.js';

export interface Look {
  /** Of the whole transaction, savepoints included. */
  readonly transaction: string;
  readonly counters: ReadonlyMap<number, Counters>;
  /** Of which relations the counters are: of those that are not zero, or of those that the transaction holds on to. */
  readonly counted: 'all' | 'held';
  /** The strongest lock per relation, where it is stronger than what reading and writing rows takes. */
  readonly locks: ReadonlyMap<number, string>;
  /** Rows deleted by hand from the server's own tables, large objects among them, by the table's name. */
  readonly catalogs: ReadonlyMap<string, number>;
  /** Relations whose rows were written, or sequences that gave numbers. */
  readonly written: ReadonlySet<number>;
  /** Whatever is done to the schema runs somebody's function too. */
  readonly isWatched: boolean;
  /** How many rows of the catalogs were written that say what the schema is, those included whose writing was undone. */
  readonly shaped: number;
  /** Triggers are turned off, or some were turned off or on: with them goes the server's look after foreign keys. */
  readonly unchecks: boolean;
  /** The server counts what is done to rows. */
  readonly isCounting: boolean;
  /** Whose work could be seen. */
  readonly at: Moment;
  /** The numbers, without their epoch, of the transaction and of the savepoints that it has open. */
  readonly own: ReadonlySet<number>;
}

/** Weakest first: https://www.postgresql.org/docs/current/explicit-locking.html */
const STRENGTH = ['ShareUpdateExclusive', 'Share', 'ShareRowExclusive', 'Exclusive', 'AccessExclusive'];

/** pg_largeobject_metadata has a row per large object. */
const LARGE_OBJECTS = 2995;

/** COMMENT holds on to pg_description, and a change of a column's type to pg_depend, since version 18. */
const HELD_ON = '2609, 2608';

/** What a schema is told from, but for what is the whole server's: commands write it, and who does so by hand. */
const SHAPES = `'{${(
  'class attribute attrdef constraint index inherits trigger rewrite policy sequence namespace type enum range proc aggregate ' +
  'collation statistic_ext event_trigger extension description publication publication_rel foreign_table foreign_server'
)
  .split(' ')
  .map((name) => `pg_catalog.pg_${name}`)
  .join(',')}}'::pg_catalog.regclass[]`;

/** pg_trigger. */
const TRIGGERS = 2620;

// Whoever reads or writes a relation's rows holds a lock on it until the transaction or its savepoint ends. Commands let go
// of the catalogs as soon as they have written them: who holds on to one writes it by hand.
const lookAt = (which: string, counted: string): string => `
  WITH held AS MATERIALIZED (SELECT l.locktype, l.relation, l.mode, l.transactionid FROM pg_catalog.pg_locks AS l
    WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype IN ('relation', 'transactionid') AND l.granted)
  SELECT pg_catalog.pg_current_xact_id()::text AS transaction, pg_catalog.pg_current_snapshot()::text AS at,
    pg_catalog.current_setting('track_counts')::bool AS counting,
    pg_catalog.current_setting('session_replication_role') <> 'origin' OR pg_catalog.pg_stat_get_xact_tuples_updated(${TRIGGERS}) > 0 AS unchecks,
    (SELECT pg_catalog.sum(pg_catalog.pg_stat_get_xact_tuples_inserted(oid) + pg_catalog.pg_stat_get_xact_tuples_updated(oid) +
      pg_catalog.pg_stat_get_xact_tuples_deleted(oid))::bigint FROM pg_catalog.unnest(${SHAPES}) AS c (oid)) AS shaped,
    (SELECT pg_catalog.json_agg(l.transactionid::text::bigint) FROM held AS l WHERE l.mode = 'ExclusiveLock' AND l.transactionid IS NOT NULL) AS own,
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(oid, inserted, updated, deleted, read)) FROM (
      SELECT c.oid::bigint AS oid,
        pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) AS inserted, pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) AS updated,
        pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS deleted, pg_catalog.pg_stat_get_xact_tuples_returned(c.oid) AS read
      FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'm') AND ${which}) AS counted
      WHERE ${counted}) AS counters,
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(l.relation::bigint, pg_catalog.replace(l.mode, 'Lock', '')))
      FROM held AS l WHERE l.relation >= 16384 AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')) AS locks,
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array('pg_catalog.' || relname, deleted)) FROM (
      SELECT c.relname, pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS deleted FROM pg_catalog.pg_class AS c
      WHERE c.oid = ANY (ARRAY(SELECT ${LARGE_OBJECTS}::oid UNION SELECT l.relation FROM held AS l WHERE l.relation < 16384 AND l.mode = 'RowExclusiveLock'))
        AND (c.oid = ${LARGE_OBJECTS} OR NOT c.relisshared AND c.oid NOT IN (${HELD_ON}))) AS counted
      WHERE deleted > 0) AS catalogs,
    EXISTS (SELECT FROM pg_catalog.pg_event_trigger AS v WHERE v.evtenabled <> 'D') AS watched`;

const COUNTED = 'inserted + updated + deleted + read > 0';
export const LOOKS = {
  all: lookAt('c.oid >= 16384', COUNTED),
  held: lookAt('c.oid = ANY (ARRAY(SELECT l.relation FROM held AS l WHERE l.relation >= 16384))', 'true'),
} as const;

export interface LookRow {
  readonly transaction: string;
  readonly at: string;
  readonly shaped: number;
  readonly counting: boolean;
  readonly unchecks: boolean;
  readonly own: readonly number[] | null;
  readonly counters: readonly (readonly [number, ...Counters])[] | null;
  readonly locks: readonly (readonly [number, string])[] | null;
  readonly catalogs: readonly (readonly [string, number])[] | null;
  readonly watched: boolean;
}

/** `all`: also what is left in the counters of earlier transactions, and of what was undone. */
export const look = (connection: PostgresConnection, counted: Look['counted']): ResultAsync<Look, SqlError> =>
  connection.prepared<LookRow>(`look_${counted}`, LOOKS[counted]).map(({ rows: [row] }) => lookOf(row, counted));

/** To be asked within another statement, as a `LookRow`. */
const within = (counted: Look['counted']): string => `(SELECT pg_catalog.row_to_json(l) FROM (${LOOKS[counted]}) AS l)`;
export const LOOK_HELD = within('held');
export const LOOK_ALL = within('all');
/** The same where only those can have counters whose numbers are `$1`, and the engine's own. */
const THESE = `c.oid = ANY (ARRAY(SELECT pg_catalog.unnest($1::pg_catalog.oid[]) UNION ALL ${OWN_NUMBERS}))`;
export const LOOK_THESE = `(SELECT pg_catalog.row_to_json(l) FROM (${lookAt(THESE, COUNTED)}) AS l)`;

export function lookOf(row: LookRow | undefined, counted: Look['counted']): Look {
  const held = row?.locks ?? [];
  const locks = new Map<number, string>();
  for (const [oid, mode] of held) {
    if (STRENGTH.indexOf(mode) > STRENGTH.indexOf(locks.get(oid) ?? '')) locks.set(oid, mode);
  }
  return {
    transaction: row?.transaction ?? '',
    at: momentOf(row?.at ?? ''),
    own: new Set([...(row?.own ?? []), Number(row?.transaction) % 2 ** 32]),
    counters: new Map((row?.counters ?? []).map(([oid, ...counters]) => [oid, counters])),
    counted,
    locks,
    catalogs: new Map(row?.catalogs ?? []),
    isWatched: row?.watched !== false,
    shaped: row?.shaped ?? 0,
    unchecks: row?.unchecks === true,
    isCounting: row?.counting === true,
    written: new Set(held.filter(([, mode]) => mode === 'RowExclusive').map(([oid]) => oid)),
  };
}
