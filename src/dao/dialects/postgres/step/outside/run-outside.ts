// Runs a statement that cannot be in a transaction, so that it is done whole, or leaves nothing: verified, cleared up after, tried again.
import { ok, ResultAsync, type Result } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import { inOrder } from '../../../../in-order.js';
import type { PostgresConnection } from '../../connection.js';
import { classifyText } from '../../sql/classify-statement.js';
import { loadParser } from '../../sql/parser.js';
import { inTries, plainly, type OutsideContext, type OutsideDone } from './context.js';
import { createIndex } from './create-index.js';
import { detachPartition } from './detach-partition.js';
import { dropIndex } from './drop-index.js';
import { reindex } from './reindex.js';

export type { OutsideDone };

export interface OutsideOptions {
  /** The step was interrupted before: what is done already is no error. */
  readonly repeats?: boolean;
  /** How the statement itself is sent, where it is to be watched. */
  readonly send?: OutsideContext['send'];
  /** Aborted, a statement that failed is not tried again. */
  readonly signal?: AbortSignal;
}

/** Runs one statement of a step without a transaction; names mean what they mean along the session's search path. */
export function runOutside(
  connection: PostgresConnection,
  sql: string,
  { repeats = false, signal, send = (text) => connection.query(text) }: OutsideOptions = {},
): ResultAsync<OutsideDone, SqlError> {
  const context: OutsideContext = { connection, repeats, signal, send };
  return new ResultAsync(run(context, sql));
}

async function run(context: OutsideContext, sql: string): Promise<Result<OutsideDone, SqlError>> {
  const { action, outside } = classifyText(sql, await loadParser());
  switch (action?.kind) {
    case 'create-index':
      return createIndex(context, sql, action);
    case 'drop-index':
      return dropIndex(context, sql, action);
    case 'reindex':
      return reindex(context, sql, action);
    case 'detach-partition':
      return detachPartition(context, sql, action);
    case undefined:
      return outside?.repeatable === true ? inTries(context, () => plainly(context, sql)) : plainly(context, sql);
  }
}

/** Takes back what a step did before it failed, last first. */
export const undoOutside = (connection: PostgresConnection, all: readonly OutsideDone[]): ResultAsync<void, SqlError> =>
  inOrder(all.flatMap(({ undo }) => undo ?? []).toReversed(), (sql) =>
    runOutside(connection, sql, { repeats: true }),
  ).andThen(() => ok(undefined));
