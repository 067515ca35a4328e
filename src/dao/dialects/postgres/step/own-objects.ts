// Whether a step changed what is the engine's own: its schemas, tables, functions and triggers.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { isOwn, type Relation } from './relations.js';

// Whoever changes a table or drops what belongs to it holds a strong lock on it; the rest is told by who wrote its row
// in the catalogs, where this transaction is the youngest.
const TOUCHED = `
  WITH own AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN ('migrate_safe', 'migrate_safe_backup'))
  SELECT
    EXISTS (SELECT FROM pg_catalog.pg_locks AS l
      WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted
        AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
        AND (l.relation = ANY ($1::oid[]) OR EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = l.relation AND c.relnamespace IN (SELECT oid FROM own))))
    OR EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace IN (SELECT oid FROM own) AND pg_catalog.age(c.xmin) <= young)
    OR EXISTS (SELECT FROM pg_catalog.pg_proc AS p WHERE p.pronamespace IN (SELECT oid FROM own) AND pg_catalog.age(p.xmin) <= young)
    OR EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.oid IN (SELECT oid FROM own) AND pg_catalog.age(n.xmin) <= young)
    OR EXISTS (SELECT FROM pg_catalog.unnest($1::oid[]) AS k (oid) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = k.oid AND c.relnamespace IN (SELECT oid FROM own)))
    AS touched
  FROM pg_catalog.age(pg_catalog.pg_current_xact_id()::xid) AS young`;

/** `relations`: as the step found them. */
export function touchesOwn(
  connection: PostgresConnection,
  relations: ReadonlyMap<number, Relation>,
): ResultAsync<boolean, SqlError> {
  const own = [...relations.values()].filter(isOwn).map(({ oid }) => oid);
  return connection
    .prepared<{ touched: boolean }>('own', TOUCHED, [own])
    .map(({ rows: [row] }) => row?.touched === true);
}
