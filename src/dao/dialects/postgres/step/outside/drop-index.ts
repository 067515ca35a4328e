// DROP INDEX CONCURRENTLY: one that stopped half-way left the index invalid, and goes on from there.
import { err, type Result } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { OutsideAction } from '../../sql/facts.js';
import { done, inTries, plainly, resolve, type OutsideContext, type OutsideDone } from './context.js';
import { indexNamed } from './indexes.js';

export async function dropIndex(
  context: OutsideContext,
  sql: string,
  { index }: Extract<OutsideAction, { kind: 'drop-index' }>,
): Promise<Result<OutsideDone, SqlError>> {
  const { connection, repeats } = context;
  const found = await resolve(connection, index);
  if (found.isErr()) return err(found.error);
  // The server says what is wrong with the name, unless the index went before the interruption.
  if (found.value === undefined) return repeats ? done() : plainly(context, sql);
  const state = await indexNamed(connection, found.value.schema, found.value.name);
  if (state.isErr()) return err(state.error);
  const undo = state.value?.valid === true ? concurrently(state.value.sql) : undefined;
  return inTries(context, async () => {
    const left = await resolve(connection, index);
    if (left.isErr()) return err(left.error);
    return left.value === undefined ? done(undo) : plainly(context, sql).andThen(() => done(undo));
  });
}

/** The server writes an index without saying how it was built. */
const concurrently = (sql: string): string => sql.replace(/^CREATE (UNIQUE )?INDEX /, 'CREATE $1INDEX CONCURRENTLY ');
