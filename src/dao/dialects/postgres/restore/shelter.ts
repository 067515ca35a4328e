// The engine's own tables whose columns have types of the application: those types go and come again, the columns have to stay.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { inOrder } from '../../../in-order.js';
import { KEPT_SCHEMAS } from './contents.js';
import type { PsqlSession } from './psql-session.js';

/** A column that is text while its type is away. */
export interface Sheltered {
  readonly table: string;
  readonly column: string;
  readonly type: string;
}

const COLUMNS = `
  SELECT format('%I.%I', n.nspname, c.relname) AS "table", quote_ident(a.attname) AS "column",
    format_type(a.atttypid, a.atttypmod)
      || CASE WHEN a.attcollation >= 16384 THEN format(' COLLATE %I.%I', co_n.nspname, co.collname) ELSE '' END AS type
  FROM pg_attribute AS a
  JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_collation AS co ON co.oid = a.attcollation LEFT JOIN pg_namespace AS co_n ON co_n.oid = co.collnamespace
  WHERE n.nspname IN (${KEPT_SCHEMAS.map((schema) => `'${schema}'`).join(', ')}) AND c.relkind = 'r'
    AND a.attnum > 0 AND NOT a.attisdropped AND (a.atttypid >= 16384 OR a.attcollation >= 16384)
  ORDER BY 1, a.attnum`;

export const toShelter = (session: Session): ResultAsync<readonly Sheltered[], SqlError> =>
  session.all<Sheltered>(COLUMNS);

export const sheltering = ({ table, column }: Sheltered): string =>
  `ALTER TABLE ${table} ALTER COLUMN ${column} TYPE text COLLATE pg_catalog."default" USING ${column}::text`;

/** A type that the archive does not have, or not with these values, stays away: the text keeps what was there. */
export const giveTypesBack = (psql: PsqlSession, columns: readonly Sheltered[]): ResultAsync<void, SqlError> =>
  inOrder(columns, ({ table, column, type }) => {
    const [bare = type] = type.split(' COLLATE ');
    return psql
      .run('SAVEPOINT migrate_safe_type')
      .andThen(() => psql.attempt(`ALTER TABLE ${table} ALTER COLUMN ${column} TYPE ${type} USING ${column}::${bare}`))
      .andThen((failure) =>
        failure === undefined ? okAsync(undefined) : psql.run('ROLLBACK TO SAVEPOINT migrate_safe_type'),
      )
      .andThen(() => psql.run('RELEASE SAVEPOINT migrate_safe_type'));
  }).map(() => undefined);
