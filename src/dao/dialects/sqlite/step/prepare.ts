// Whether SQLite could run a statement: it compiles what EXPLAIN stands before, and runs nothing of it.
import type { ResultAsync } from 'neverthrow';
import type { Preparable, Unprepared } from '../../../../core/ports/contract.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { prepareAll, refuseToRun } from '../../../contract/prepare-all.js';
import type { HostKnexConfig } from '../../../host-knex.js';
import { classify } from '../classify.js';
import type { SqliteConnection } from '../drivers/driver.js';
import { knexHandle } from './knex-handle.js';

export const prepareOn = (
  connection: SqliteConnection,
  host: HostKnexConfig,
  statements: readonly Preparable[],
): ResultAsync<readonly Unprepared[], SqlError> =>
  prepareAll(
    statements,
    () =>
      knexHandle(refuseToRun, host, new AbortController().signal).mapErr((cause): SqlError => ({
        ...classify(cause),
        kind: 'driver-missing',
      })),
    ({ sql, bindings }) => connection.query(`EXPLAIN ${sql}`, bindings, 'rows'),
  );
