// What the doctor asks of a server: one question per subject, all of them of the catalogs only.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { isEnforced } from '../constraint-kinds.js';
import type { PostgresConnection } from '../connection.js';
import type { QualifiedName } from '../name.js';

export interface ServerFacts {
  readonly version: number;
  readonly text: string;
  readonly database: string;
  readonly owner: string;
  readonly role: string;
  readonly superuser: boolean;
  readonly bytes: number;
  readonly inRecovery: boolean;
  readonly readOnly: boolean;
  /** Where the read-only default comes from: `database`, `user`, `configuration file`, `client` … */
  readonly readOnlySource: string;
  readonly canCreate: boolean;
  readonly canCreateInPublic: boolean;
  readonly tables: number;
  readonly locksPerTransaction: number;
  /** Transactions that the lock table is made for: connections, workers, prepared ones. */
  readonly lockers: number;
  /** Objects of the database that only a superuser can make again. */
  readonly eventTriggers: number;
  readonly wrappers: number;
  readonly allTablesPublications: number;
}

/** Neither the system's nor an extension's. */
const PEOPLES = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;
const NOT_OURS = `n.nspname NOT IN ('migrate_safe', 'migrate_safe_backup')`;

const SERVER = `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS text,
    d.datname AS database, pg_get_userbyid(d.datdba) AS owner, r.rolname AS role,
    r.rolsuper AS superuser, pg_database_size(d.oid) AS bytes, pg_is_in_recovery() AS "inRecovery", ro.setting = 'on' AS "readOnly",
    ro.source AS "readOnlySource",
    has_database_privilege(d.oid, 'CREATE') AS "canCreate",
    coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = 'public'), true) AS "canCreateInPublic",
    (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'f', 'm') AND ${PEOPLES} AND ${NOT_OURS}) AS tables,
    current_setting('max_locks_per_transaction')::int AS "locksPerTransaction",
    (SELECT sum(setting::int)::int + 1 FROM pg_settings WHERE name IN ('max_connections', 'autovacuum_max_workers',
      'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions')) AS lockers,
    (SELECT count(*) FROM pg_event_trigger) AS "eventTriggers",
    (SELECT count(*) FROM pg_foreign_data_wrapper) AS wrappers,
    (SELECT count(*) FROM pg_publication WHERE puballtables) AS "allTablesPublications"
  FROM pg_database d, pg_roles r, pg_settings ro
  WHERE d.datname = current_database() AND r.rolname = current_user AND ro.name = 'default_transaction_read_only'`;

export const serverFacts = (connection: PostgresConnection): ResultAsync<ServerFacts | undefined, SqlError> =>
  connection.all<ServerFacts>(SERVER).map(([row]) => row);

export interface TableRight extends QualifiedName {
  readonly owner: string;
  readonly isOwner: boolean;
  readonly canRead: boolean;
  /** Rows are hidden from this role by policies: pg_dump refuses such a table. */
  readonly hidden: boolean;
}

/** Tables and sequences that this role does not own, cannot read, or sees only in part. */
export const restrictedTables = (connection: PostgresConnection): ResultAsync<TableRight[], SqlError> =>
  connection.all<TableRight>(`SELECT * FROM (
    SELECT n.nspname AS schema, c.relname AS name, pg_get_userbyid(c.relowner) AS owner,
      pg_has_role(c.relowner, 'USAGE') AS "isOwner",
      CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT') ELSE has_table_privilege(c.oid, 'SELECT') END
        AND has_schema_privilege(n.oid, 'USAGE') AS "canRead",
      c.relrowsecurity AND (c.relforcerowsecurity OR NOT pg_has_role(c.relowner, 'USAGE'))
        AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AS hidden
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'S') AND ${PEOPLES}) t
  WHERE NOT "isOwner" OR NOT "canRead" OR hidden ORDER BY schema, name`);

export const tableNames = (connection: PostgresConnection): ResultAsync<QualifiedName[], SqlError> =>
  connection.all<QualifiedName>(`SELECT n.nspname AS schema, c.relname AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND ${PEOPLES} ORDER BY 1, 2`);

export interface IdleTransaction {
  /** 0 for a prepared transaction, whose name is `who`. */
  readonly pid: number;
  readonly who: string;
  readonly application: string;
  readonly seconds: number;
}

/** Transactions of others that have done nothing for so long: what they locked stays locked. */
export const idleTransactions = (
  connection: PostgresConnection,
  forSeconds = 60,
): ResultAsync<IdleTransaction[], SqlError> =>
  connection.all<IdleTransaction>(
    `SELECT pid, coalesce(usename, '') AS who, coalesce(application_name, '') AS application,
      extract(epoch FROM clock_timestamp() - state_change)::int AS seconds
    FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND state LIKE 'idle in transaction%' AND clock_timestamp() - state_change >= make_interval(secs => ?)
    UNION ALL SELECT 0, gid, '', extract(epoch FROM clock_timestamp() - prepared)::int FROM pg_prepared_xacts
      WHERE database = current_database() AND clock_timestamp() - prepared >= make_interval(secs => ?)
    ORDER BY seconds DESC`,
    [forSeconds, forSeconds],
  );

export interface Leftover extends QualifiedName {
  readonly table: string;
  readonly kind: 'invalid index' | 'not valid';
}

/** Indexes that a broken CONCURRENTLY left, unless one is being built now; constraints that were never checked. */
export const leftovers = (connection: PostgresConnection): ResultAsync<Leftover[], SqlError> =>
  connection.all<Leftover>(`SELECT n.nspname AS schema, c.relname AS name, t.relname AS "table", 'invalid index' AS kind
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname <> 'pg_toast'
      AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
    UNION ALL SELECT n.nspname, k.conname, t.relname, 'not valid'
    FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE NOT k.convalidated AND ${isEnforced('k')} ORDER BY 1, 3, 2`);
