// A right that the role does not have, where the engine keeps its own tables: whose they are, and who can give it.
import { errAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../core/ports/session.js';
import type { PostgresConnection } from './connection.js';
import { quoted } from './name.js';

const WHOSE = `
  SELECT current_user AS role, d.datname AS database, pg_catalog.pg_get_userbyid(d.datdba) AS owner,
    (SELECT pg_catalog.pg_get_userbyid(n.nspowner) FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'migrate_safe') AS keeper
  FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()`;

interface Whose {
  readonly role: string;
  readonly database: string;
  readonly owner: string;
  /** Owner of the journal's schema; null where there is none. */
  readonly keeper: string | null;
}

/** For `orElse`: any other error stays what it is, and so does this one where it cannot be asked. */
export const withMissingRight =
  (connection: PostgresConnection) =>
  (error: SqlError): ResultAsync<never, SqlError> => {
    if (error.kind !== 'not-permitted') return errAsync(error);
    return connection
      .all<Whose>(WHOSE)
      .mapErr(() => error)
      .andThen(([whose]) => errAsync(whose === undefined ? error : { ...error, fix: fixOf(whose) }));
  };

const fixOf = ({ role, database, owner, keeper }: Whose): string =>
  keeper === null || keeper === role
    ? `As ${owner} or a superuser: GRANT CREATE ON DATABASE ${quoted(database)} TO ${quoted(role)};`
    : `The journal is in schema migrate_safe, which is ${keeper}'s: connect as ${keeper}; or let ${role} do what ${keeper} may, as a superuser: GRANT ${quoted(keeper)} TO ${quoted(role)};`;
