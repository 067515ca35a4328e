// Connections to another database of the same server: from within it no database can be renamed.
import { errAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { PostgresServer } from '../../backup/server.js';
import type { PostgresConnection } from '../../connection.js';

/** Those that every server has from the beginning; the second one keeps others from making databases for the moment. */
const PLACES = ['postgres', 'template1'] as const;

/** Two connections for one piece of work: one that waits, and one that looks on. */
export function withMaintenance<T, E>(
  server: PostgresServer,
  live: string,
  work: (acting: PostgresConnection, watching: PostgresConnection) => ResultAsync<T, E>,
): ResultAsync<T, E | SqlError> {
  const [first = PLACES[1], second] = PLACES.filter((place) => place !== live);
  const at = (place: string): ResultAsync<T, E | Unreached> =>
    server
      .at(place)
      .mapErr(unreached)
      .andThen((there) =>
        there
          .withConnection((acting) => there.withConnection((watching) => work(acting, watching).mapErr(ofWork)))
          .mapErr((error) => ('ofWork' in error ? error.ofWork : unreached(error))),
      );
  return at(first)
    .orElse((error) => (isUnreached(error) && second !== undefined ? at(second) : errAsync(error)))
    .mapErr((error) => (isUnreached(error) ? error.unreached : error));
}

/** Told apart: another place is tried where this one could not be reached, not where the work failed. */
interface Unreached {
  readonly unreached: SqlError;
}
const unreached = (error: SqlError): Unreached => ({ unreached: error });
const ofWork = <E>(error: E): { readonly ofWork: E } => ({ ofWork: error });
const isUnreached = (error: unknown): error is Unreached =>
  error !== null && typeof error === 'object' && 'unreached' in error;
