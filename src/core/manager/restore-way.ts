// By which way a whole database of a server is put back: in its place, or beside it, with a swap of the names.
import { err, ok, okAsync, safeTry, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { OpenDatabase } from '../ports/database.js';
import type { SwapOutlook, SwapRestorePort } from '../ports/swap-restore.js';
import type { WholeRestoreError } from '../ports/whole-restore.js';
import { fromSql } from './as-error.js';
import { isClone } from './clone-facts.js';
import type { RestoreContext } from './restore-context.js';

export type ChosenWay =
  | { readonly by: 'in-place' }
  | { readonly by: 'swap'; readonly port: SwapRestorePort; readonly outlook: SwapOutlook };

const IN_PLACE: ChosenWay = { by: 'in-place' };

export function chooseWay(
  { ports, policy, backup, options: { by, tables } }: RestoreContext,
  { restore, backups, info }: OpenDatabase,
  isWhole: boolean,
): ResultAsync<ChosenWay, MigrateError> {
  const { swap, obstacleInPlace } = restore;
  const failed = (error: Parameters<typeof fromSql>[0]): MigrateError => fromSql(error, info.label, 'restoring');
  return safeTry<ChosenWay, MigrateError>(async function* () {
    if (by === 'swap' && (swap === undefined || !isWhole)) return err(noSwap(tables === 'all'));
    if (by === 'in-place' || swap === undefined || !isWhole) return ok(IN_PLACE);
    const ofClone = isClone(backup.manifest);
    const onlySo = by === 'swap' || ofClone;
    const inPlace = (): ResultAsync<WholeRestoreError | undefined, MigrateError> =>
      (obstacleInPlace?.(backup.file) ?? okAsync(undefined)).mapErr(failed);
    const closed = onlySo ? undefined : yield* inPlace();
    const isTooMany = closed?.kind === 'too-few-locks';
    const large =
      !onlySo &&
      !isTooMany &&
      closed === undefined &&
      (yield* sizeOf(backups).mapErr(failed)) > policy.largeDatabaseBytes;
    if (!onlySo && !isTooMany && !large) return ok(IN_PLACE);
    const outlook = yield* swap.outlook(backup.file, ports.clock.now()).mapErr(failed);
    const { obstacle, sessions } = outlook;
    const chosen: ChosenWay = { by: 'swap', port: swap, outlook };
    if (obstacle === undefined) return ok(large && sessions.length > 0 ? IN_PLACE : chosen);
    if (large) return ok(IN_PLACE);
    const isOpen = !ofClone && (yield* inPlace()) === undefined;
    return err(refused(closed, obstacle, isOpen ? '; in its place it can be put back with --by in-place' : ''));
  });
}

const sizeOf = ({ effort }: OpenDatabase['backups']): ResultAsync<number, Parameters<typeof fromSql>[0]> =>
  effort === undefined ? okAsync(0) : effort().map(({ databaseBytes }) => databaseBytes);

function refused(closed: WholeRestoreError | undefined, obstacle: string, orElse: string): MigrateError {
  const reason =
    closed?.kind === 'too-few-locks'
      ? `in one transaction it takes about ${closed.needed} locks, more than the server has room for (max_locks_per_transaction is ${closed.setting}); give it more and start it again: ALTER SYSTEM SET max_locks_per_transaction = ${closed.enough}; the other way is a new database that takes the name of this one, but ${obstacle}`
      : `no new database can take its name: ${obstacle}${orElse}`;
  return migrateError({ kind: 'restore-failed', reason });
}

export const noSwap = (isWhole: boolean): MigrateError =>
  migrateError({
    kind: 'usage',
    reason: isWhole
      ? 'a swap of names is for a whole database of a PostgreSQL server'
      : 'single tables are put back in their place: a swap of names is for the whole',
    suggestion: 'Leave --by out.',
  });
