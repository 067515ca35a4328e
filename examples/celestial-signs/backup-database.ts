// The seed's nightly script: takes a backup, says how large it is and how long it took, and removes what is older than it
// keeps. `DATABASE_URL=postgres://… node backup-database.js [--backups ./backups] [--days 7]`
import { realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createMigrateSafe, type MigrateError, type StoredBackup } from 'migrate-safe';
import { ResultAsync, safeTry, ok } from 'neverthrow';

export interface Nightly {
  readonly taken: StoredBackup;
  readonly removed: readonly StoredBackup[];
  readonly durationMs: number;
}

const DAY_MS = 86_400_000;

/**
 * The engine itself removes what its runs took (`keepRuns`); what a person or a script asked for is theirs to remove, a
 * folder at a time. The one that was just taken stays, however few days are kept.
 */
export function backupDatabase(options: {
  readonly database: string;
  readonly backups: string;
  readonly days: number;
  readonly now?: number;
}): ResultAsync<Nightly, MigrateError> {
  const { database, backups, days, now = Date.now() } = options;
  const safe = createMigrateSafe({ database, backups });
  const started = performance.now();
  return safeTry(async function* () {
    const taken = yield* safe.createBackup();
    const durationMs = performance.now() - started;
    const listed = yield* safe.listBackups();
    const removed = listed.backups.filter(
      ({ manifest: { id, reason, createdAt } }) =>
        reason.kind === 'manual' && id !== taken.manifest.id && Date.parse(createdAt) < now - days * DAY_MS,
    );
    for (const { directory } of removed) await rm(directory, { recursive: true });
    yield* safe.close();
    return ok({ taken, removed, durationMs });
  });
}

/** One line for a log file. */
export function lineOf({ taken: { manifest }, removed, durationMs }: Nightly): string {
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  const kept = removed.length === 0 ? 'none removed' : `removed ${removed.map((one) => one.manifest.id).join(', ')}`;
  return `${manifest.createdAt} ${manifest.id} ${(bytes / 1e6).toFixed(1)} MB in ${Math.round(durationMs)} ms, ${kept}`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { backups: { type: 'string', default: './backups' }, days: { type: 'string', default: '7' } },
  });
  const database = process.env['DATABASE_URL'] ?? '';
  const night = await backupDatabase({ database, backups: values.backups, days: Number(values.days) });
  night.match(
    (done) => console.log(lineOf(done)),
    ({ message, hint, exitCode }) => {
      console.error(`no backup: ${message}\n${hint}`);
      process.exitCode = exitCode;
    },
  );
}

const [, script = ''] = process.argv;
if (script !== '' && pathToFileURL(realpathSync(script)).href === import.meta.url) await main();
