// The snapshot of an archive's schema: restored without its rows into a database that is made for it and dropped again.
import { randomBytes } from 'node:crypto';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { PostgresConnection } from '../connection.js';
import { inspectSchema } from '../inspect/inspector.js';
import { quoted } from '../name.js';
import { runQuietly } from './run-tool.js';
import type { PostgresServer } from './server.js';

/** Undefined where the role may not create a database, or not restore into it all that is in the archive. */
export function snapshotOfArchive(
  server: PostgresServer,
  file: string,
): ResultAsync<SchemaSnapshot | undefined, SqlError> {
  return server.withConnection((connection) =>
    creation(connection).andThen((create) =>
      create === undefined
        ? okAsync(undefined)
        : inScratch(server, connection, create, file).orElse((error) =>
            error.kind === 'not-permitted' ? okAsync(undefined) : errAsync(error),
          ),
    ),
  );
}

interface Traits {
  readonly may: boolean;
  readonly encoding: string;
  readonly traits: Readonly<Record<string, string | null>>;
}

/** What creates a database that sorts and encodes as this one does; undefined where the role may not. */
function creation(connection: PostgresConnection): ResultAsync<((name: string) => string) | undefined, SqlError> {
  return connection
    .all<Traits>(
      `SELECT (r.rolcreatedb OR r.rolsuper) AS may, pg_catalog.pg_encoding_to_char(d.encoding) AS encoding,
              pg_catalog.to_jsonb(d) AS traits
       FROM pg_catalog.pg_database AS d, pg_catalog.pg_roles AS r
       WHERE d.datname = pg_catalog.current_database() AND r.rolname = current_user`,
    )
    .map(([found]) => {
      if (found?.may !== true) return undefined;
      const { encoding, traits } = found;
      // Version 15 brought the provider, and 17 renamed its locale.
      const locale = traits['datlocale'] ?? traits['daticulocale'];
      const icu =
        traits['datlocprovider'] === 'i' && locale ? ` LOCALE_PROVIDER icu ICU_LOCALE ${literal(locale)}` : '';
      return (name) =>
        `CREATE DATABASE ${quoted(name)} TEMPLATE template0 ENCODING ${literal(encoding)}
         LC_COLLATE ${literal(traits['datcollate'] ?? 'C')} LC_CTYPE ${literal(traits['datctype'] ?? 'C')}${icu}`;
    });
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function inScratch(
  server: PostgresServer,
  connection: PostgresConnection,
  create: (name: string) => string,
  file: string,
): ResultAsync<SchemaSnapshot, SqlError> {
  const name = `migrate_safe_scratch_${randomBytes(6).toString('hex')}`;
  const drop = (): ResultAsync<void, SqlError> =>
    connection.run(`DROP DATABASE IF EXISTS ${quoted(name)}`).map(() => undefined);
  return connection
    .run(create(name))
    .andThen(() => server.at(name))
    .andThen((scratch) =>
      restored(scratch, name, file).andThen(() => scratch.withConnection((inside) => inspectSchema(inside))),
    )
    .andThen((snapshot) => drop().map(() => snapshot))
    .orElse((error) =>
      drop()
        .orElse(() => okAsync(undefined))
        .andThen(() => errAsync(error)),
    );
}

/** The scratch database has schema public already, as any has. */
const restored = (scratch: PostgresServer, name: string, file: string): ResultAsync<void, SqlError> =>
  scratch.withTools(({ tools, env }) =>
    runQuietly({
      program: tools.pgRestore,
      args: ['--schema-only', '--exit-on-error', '--no-password', `--dbname=${name}`, '--', file],
      env,
    }),
  );
