// How names are looked up and rows are seen: in the engine's own way while a step is looked at, and in the step's for what it says.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { CATALOGS_FIRST } from '../settings.js';

/** What a step had set. */
export interface Way {
  readonly path: string;
  readonly security: string;
}

/**
 * Asks for a `Way`, and leaves it: the server writes names as the search path wants them, and policies hide rows from who
 * counts them. It stays that way, for what the engine says next is most often the last of the transaction.
 */
export const OWN_WAY = `
  SELECT pg_catalog.current_setting('search_path') AS path, pg_catalog.set_config('search_path', '${CATALOGS_FIRST}', true),
    pg_catalog.current_setting('row_security') AS security, pg_catalog.set_config('row_security', 'off', true)`;

const wayBack = ({ path, security }: Way): string =>
  `SELECT pg_catalog.set_config('search_path', ${text(path)}, true), pg_catalog.set_config('row_security', ${text(security)}, true)`;
/** However the step has strings read. */
const text = (value: string): string => `E'${value.replaceAll('\\', '\\\\').replaceAll(`'`, `''`)}'`;

export class StepWay {
  readonly #connection: PostgresConnection;
  /** Undefined where it was not left, or is taken again. */
  left: Way | undefined;

  constructor(connection: PostgresConnection, left: Way | undefined) {
    this.#connection = connection;
    this.left = left;
  }

  /** The statement that takes it again, until the end of the transaction or its savepoint. */
  get back(): string | undefined {
    return this.left && wayBack(this.left);
  }

  /** Takes it again. */
  take(): ResultAsync<unknown, SqlError> {
    const { back } = this;
    if (back === undefined) return okAsync(undefined);
    this.left = undefined;
    this.#connection.statements.place = 'step';
    return this.#connection.query(back);
  }
}
