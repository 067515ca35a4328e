// Tells a database that can be restored while it is open from a ruin that has to be replaced, and both from one that only cannot be had now.
import { err, ok, type Result } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import type { CheckError } from '../ports/backup-source.js';
import type { OpenDatabase } from '../ports/database.js';
import type { Lease } from '../ports/run-lock.js';
import type { SqlError } from '../ports/session.js';
import { fromOpen, fromSql } from './as-error.js';
import { EMPTY_PAST, loadHistory, type LoadedHistory } from './load-history.js';
import type { ManagerPorts } from './ports.js';

export interface SoundDatabase {
  readonly database: OpenDatabase;
  readonly loaded: LoadedHistory;
  /** `broken`: its data can be read, its journal is not what was written and counts as empty. */
  readonly journal: 'sound' | 'broken';
}

/** What no waiting mends: there is no database, or it is none that can be read, or its journal is not what was written. */
const RUINED: ReadonlySet<SqlError['kind'] | CheckError['kind']> = new Set([
  'not-a-database',
  'corrupt',
  'check-failed',
]);

/**
 * The database with its history; undefined for a ruin. A database that is only locked, not permitted or newer is an
 * error: replacing its file would cut off whoever has it open, with what they wrote.
 */
export async function openSound(
  ports: ManagerPorts,
  lease: Lease,
): Promise<Result<SoundDatabase | undefined, MigrateError>> {
  const opened = await ports.database.open('read', lease);
  if (opened.isErr()) {
    const { error } = opened;
    const gone =
      error.kind === 'database-missing' || (error.kind === 'database-unusable' && RUINED.has(error.error.kind));
    return gone ? ok(undefined) : err(fromOpen(error));
  }
  const database = opened.value;
  const sound = await readWhole(database);
  if (sound.isErr() || sound.value === undefined)
    await database.close().match(
      () => undefined,
      () => undefined,
    );
  return sound;
}

async function readWhole(database: OpenDatabase): Promise<Result<SoundDatabase | undefined, MigrateError>> {
  const { label, path } = database.info;
  const loaded = await loadHistory(database);
  if (loaded.isErr()) {
    if (!isRuin(loaded.error)) return err(loaded.error);
    // A server's database is never moved aside: what is in it is put back in its place.
    return ok(
      database.restore.restoreWhole === undefined ? undefined : { database, loaded: EMPTY_PAST, journal: 'broken' },
    );
  }
  const readable = path === undefined ? await database.snapshot() : await database.backups.check(path, 'quick');
  if (readable.isOk()) return ok({ database, loaded: loaded.value, journal: 'sound' });
  const { error } = readable;
  return RUINED.has(error.kind) || error.kind === 'check-failed'
    ? ok(undefined)
    : err(fromSql(error, label, 'reading it'));
}

const isRuin = (error: MigrateError): boolean =>
  error.kind === 'chain-broken' || (error.kind === 'database-unusable' && RUINED.has(error.reason));
