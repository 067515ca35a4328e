// A real process that migrates a PostgreSQL database, to be killed at any instant, or to have its server killed under it.
import { createMigrateSafe } from 'migrate-safe';
import { postgresCrashSteps } from './postgres-crash-steps.js';

export interface PostgresCrashOrder {
  readonly url: string;
  readonly backups: string;
  readonly lingerMs: number;
}

const order = JSON.parse(process.argv[2] ?? '{}') as PostgresCrashOrder;
const safe = createMigrateSafe({
  database: order.url,
  backups: order.backups,
  steps: postgresCrashSteps(order.lingerMs),
  fileBackup: 'never',
  lockWait: '60s',
});
process.stdout.write('started\n');
const outcome = await safe.up();
outcome.match(
  (report) =>
    process.stdout.write(`${JSON.stringify({ ok: true, applied: report.applied.map(({ version }) => version) })}\n`),
  ({ kind, message, state, exitCode }) => {
    process.stdout.write(`${JSON.stringify({ ok: false, kind, message, state })}\n`);
    process.exitCode = exitCode;
  },
);
void (await safe.close());
