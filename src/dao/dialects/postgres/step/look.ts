// One look at what the server knows of the running transaction: its number, its counters, its locks.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import type { Counters } from './account.js';

export interface Look {
  /** Of the whole transaction, savepoints included. */
  readonly transaction: string;
  readonly counters: ReadonlyMap<number, Counters>;
  /** The strongest lock per relation, where it is stronger than what reading and writing rows takes. */
  readonly locks: ReadonlyMap<number, string>;
  /** Rows deleted by hand from the server's own tables, large objects among them, by the table's name. */
  readonly catalogs: ReadonlyMap<string, number>;
  /** Relations whose rows were written, or sequences that gave numbers. */
  readonly written: ReadonlySet<number>;
  /** Whatever is done to the schema runs somebody's function too. */
  readonly isWatched: boolean;
}

/** Weakest first: https://www.postgresql.org/docs/current/explicit-locking.html */
const STRENGTH = ['ShareUpdateExclusive', 'Share', 'ShareRowExclusive', 'Exclusive', 'AccessExclusive'];

/** pg_largeobject_metadata has a row per large object. */
const LARGE_OBJECTS = 2995;

// Commands let go of the catalogs as soon as they have written them: who holds on to one writes it by hand.
const LOOK = `
  SELECT pg_catalog.pg_current_xact_id()::text AS transaction,
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(oid, inserted, updated, deleted, read)) FROM (
      SELECT c.oid::bigint AS oid,
        pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) AS inserted, pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) AS updated,
        pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS deleted, pg_catalog.pg_stat_get_xact_tuples_returned(c.oid) AS read
      FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'm') AND c.oid >= 16384) AS counted
      WHERE inserted + updated + deleted + read > 0) AS counters,
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(l.relation::bigint, pg_catalog.replace(l.mode, 'Lock', '')))
      FROM pg_catalog.pg_locks AS l
      WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384
        AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')) AS locks,
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array('pg_catalog.' || relname, deleted)) FROM (
      SELECT c.relname, pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS deleted FROM pg_catalog.pg_class AS c
      WHERE c.oid = ${LARGE_OBJECTS} OR NOT c.relisshared AND c.oid IN (SELECT l.relation FROM pg_catalog.pg_locks AS l
        WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.relation < 16384 AND l.mode = 'RowExclusiveLock')) AS counted
      WHERE deleted > 0) AS catalogs,
    EXISTS (SELECT FROM pg_catalog.pg_event_trigger AS v WHERE v.evtenabled <> 'D') AS watched`;

interface LookRow {
  readonly transaction: string;
  readonly counters: readonly (readonly [number, ...Counters])[] | null;
  readonly locks: readonly (readonly [number, string])[] | null;
  readonly catalogs: readonly (readonly [string, number])[] | null;
  readonly watched: boolean;
}

export function look(connection: PostgresConnection): ResultAsync<Look, SqlError> {
  return connection.prepared<LookRow>('look', LOOK).map(({ rows: [row] }) => {
    const held = row?.locks ?? [];
    const locks = new Map<number, string>();
    for (const [oid, mode] of held) {
      if (STRENGTH.indexOf(mode) > STRENGTH.indexOf(locks.get(oid) ?? '')) locks.set(oid, mode);
    }
    return {
      transaction: row?.transaction ?? '',
      counters: new Map((row?.counters ?? []).map(([oid, ...counters]) => [oid, counters])),
      locks,
      catalogs: new Map(row?.catalogs ?? []),
      isWatched: row?.watched !== false,
      written: new Set(held.filter(([, mode]) => mode === 'RowExclusive').map(([oid]) => oid)),
    };
  });
}
