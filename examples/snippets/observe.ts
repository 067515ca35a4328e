// Watching a run: what goes on, as it happens, and what was recorded, once it is committed.
import { createMigrateSafe } from 'migrate-safe';

const safe = createMigrateSafe({ database: 'sqlite:app.db', steps: './migrations' });

safe.onProgress((progress) => {
  if (progress.kind === 'step-started')
    console.log(`${progress.direction} ${progress.version} ${progress.description}`);
  if (progress.kind === 'backup-taken') console.log(`backup ${progress.backupId}, ${progress.bytes} bytes`);
});
safe.onEvent((event) => {
  if (event.type === 'StepApplied') console.log(`event ${event.position}: ${event.data.version} applied`);
});

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

const outcome = await safe.up({ signal: stop.signal });
await safe.close();
if (outcome.isErr()) process.exitCode = outcome.error.exitCode;
