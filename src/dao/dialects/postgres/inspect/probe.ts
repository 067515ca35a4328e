// A cheap number for all that a snapshot of the schema is made of: as long as it stays, nobody has changed anything of it.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';

// Every change of a catalog's row gives it another transaction's number, and no row that comes later has that of one that
// went. The numbers are counted from a fixed one, so that they stay; rows that were there from the beginning have none.
const ROW = `pg_catalog.hashint8(CASE WHEN pg_catalog.age(xmin) = 2147483647 THEN 0 ELSE pg_catalog.age('3'::xid)::bigint - pg_catalog.age(xmin) END)`;
const part = (catalog: string, where = 'true'): string =>
  `SELECT '${catalog}' AS part, pg_catalog.count(*) AS rows, coalesce(pg_catalog.sum(${ROW}), 0) AS hash FROM pg_catalog.${catalog} WHERE ${where}`;

/** The engine's own, and what is kept beside the rows of a table. */
const OWN = `(SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN ('migrate_safe', 'migrate_safe_backup', 'pg_toast'))`;
const OURS = '(SELECT oid FROM ours)';
/** What the server itself came with has lower numbers. */
const MADE = 16_384;
const made = (column = 'oid'): string => `${column} >= ${MADE}`;

/** Since version 15: the schemas of a publication. */
const PUBLISHED_SCHEMAS = 150_000;

const probeOf = (version: number): string => `
  WITH ours AS MATERIALIZED (SELECT oid FROM pg_catalog.pg_class WHERE relnamespace NOT IN ${OWN} AND ${made()}),
  parts AS (${[
    part('pg_class', `oid IN ${OURS}`),
    part('pg_attribute', `attnum > 0 AND attrelid IN ${OURS}`),
    part('pg_attrdef', `adrelid IN ${OURS}`),
    part('pg_constraint', `connamespace NOT IN ${OWN} AND ${made()}`),
    part('pg_index', `indrelid IN ${OURS}`),
    part('pg_inherits'),
    part('pg_partitioned_table'),
    part('pg_trigger', `tgrelid IN ${OURS}`),
    part('pg_rewrite', made()),
    part('pg_policy'),
    part('pg_sequence', `seqrelid IN ${OURS}`),
    part('pg_namespace', `oid NOT IN ${OWN}`),
    part('pg_type', `typnamespace NOT IN ${OWN} AND ${made()}`),
    part('pg_enum'),
    part('pg_range', made('rngtypid')),
    part('pg_proc', `pronamespace NOT IN ${OWN} AND ${made()}`),
    part('pg_aggregate', made('aggfnoid::oid')),
    part('pg_operator', made()),
    part('pg_opclass', made()),
    part('pg_cast', made()),
    part('pg_am', made()),
    part('pg_language'),
    part('pg_collation', made()),
    part('pg_statistic_ext'),
    part('pg_event_trigger'),
    part('pg_extension'),
    part('pg_depend', `refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass`),
    part('pg_description', `${made('objoid')} OR classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass`),
    part('pg_publication'),
    part('pg_publication_rel'),
    ...(version >= PUBLISHED_SCHEMAS ? [part('pg_publication_namespace')] : []),
    part('pg_foreign_table'),
    part('pg_foreign_server'),
    part('pg_tablespace'),
    part('pg_ts_config', made()),
    `SELECT 'roles', pg_catalog.count(*), coalesce(pg_catalog.sum(pg_catalog.hashtextextended(rolname::text, oid::bigint)), 0) FROM pg_catalog.pg_roles`,
  ].join('\n  UNION ALL ')})
  SELECT pg_catalog.string_agg(part || ' ' || rows || ' ' || hash, ',' ORDER BY part) AS probe FROM parts`;

/** What it gives is to be compared with what it gave before, on any connection to the same database. */
export const probeSchema = (connection: PostgresConnection): ResultAsync<string, SqlError> =>
  connection
    .prepared<{ probe: string }>('probe', probeOf(connection.server.version))
    .map(({ rows: [row] }) => row?.probe ?? '');
