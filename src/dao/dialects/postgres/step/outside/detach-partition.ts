// ALTER TABLE … DETACH PARTITION … CONCURRENTLY: what was interrupted between its two transactions is finalized.
import { err, type Result, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import { sqlName } from '../../name.js';
import type { OutsideAction } from '../../sql/facts.js';
import { done, inTries, plainly, resolve, type OutsideContext, type OutsideDone } from './context.js';

export async function detachPartition(
  context: OutsideContext,
  sql: string,
  { parent, partition }: Extract<OutsideAction, { kind: 'detach-partition' }>,
): Promise<Result<OutsideDone, SqlError>> {
  const { connection, repeats } = context;
  const names = await resolve(connection, parent).andThen((whole) =>
    resolve(connection, partition).map((part) => ({ whole, part })),
  );
  if (names.isErr()) return err(names.error);
  const { whole, part } = names.value;
  if (whole === undefined || part === undefined) return plainly(context, sql);
  const finalize = `ALTER TABLE ${sqlName(whole)} DETACH PARTITION ${sqlName(part)} FINALIZE`;
  let begun = repeats;
  return inTries(context, async () => {
    const link = await linkOf(context, whole.oid, part.oid);
    if (link.isErr()) return err(link.error);
    if (link.value === 'none' && begun) return done();
    begun = true;
    return plainly(context, link.value === 'pending' ? finalize : sql);
  });
}

// Versions before 14 know no pending ones, and have no column for it.
const LINK = `
  SELECT pg_catalog.to_jsonb(i) ->> 'inhdetachpending' = 'true' AS pending
  FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = $1 AND i.inhrelid = $2`;

const linkOf = (
  { connection }: OutsideContext,
  parent: number,
  partition: number,
): ResultAsync<'none' | 'pending' | 'attached', SqlError> =>
  connection
    .query<{ pending: boolean | null }>(LINK, [parent, partition])
    .map(({ rows: [row] }) => (row === undefined ? 'none' : row.pending === true ? 'pending' : 'attached'));
