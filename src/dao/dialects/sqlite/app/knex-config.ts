// The pool of an application's SQLite database: one connection, since one at a time can write.
import { pathToFileURL } from 'node:url';
import type { Knex } from 'knex';
import type { Access } from '../../../app/flavour.js';
import { DRIVER_BUSY_MS } from '../drivers/busy.js';
import type { SqliteTarget } from '../sqlite-database.js';

interface RawConnection {
  exec(sql: string, done: (error: Error | null) => void): unknown;
  pragma?(pragma: string): unknown;
}

/** `better-sqlite3` would hold up the whole process while it waits: DAOs wait without it, see `whileBusy`. */
const BUSY_MS = { sqlite3: 5000, 'better-sqlite3': DRIVER_BUSY_MS } as const;

export function sqliteKnexConfig({ file, driver }: Pick<SqliteTarget, 'file' | 'driver'>, access: Access): Knex.Config {
  const pragmas = [
    'foreign_keys = ON',
    `busy_timeout = ${BUSY_MS[driver]}`,
    ...(access === 'read-only' ? ['query_only = ON'] : []),
  ];
  return {
    client: driver,
    useNullAsDefault: true,
    connection: access === 'read-only' ? readOnly(file, driver) : { filename: file },
    pool: {
      min: 0,
      max: 1,
      afterCreate: (raw: RawConnection, done: (error: Error | null, raw: RawConnection) => void) => {
        if (raw.pragma) {
          for (const pragma of pragmas) raw.pragma(pragma);
          done(null, raw);
        } else raw.exec(pragmas.map((pragma) => `PRAGMA ${pragma};`).join(' '), (error) => done(error, raw));
      },
    },
  };
}

/**
 * `better-sqlite3` is synchronous: a second connection that writes could only wait for the first, and would hold up the
 * process meanwhile.
 */
export const writesOnOne = (driver: SqliteTarget['driver'], access: Access): boolean =>
  driver === 'better-sqlite3' && access === 'read-write';

/** knex opens a file of `sqlite3` for writing, whatever its flags; a URI can say otherwise. https://sqlite.org/uri.html */
const readOnly = (file: string, driver: SqliteTarget['driver']): object =>
  driver === 'sqlite3'
    ? { filename: `${pathToFileURL(file).href}?mode=ro`, flags: ['OPEN_URI'] }
    : { filename: file, options: { readonly: true } };
