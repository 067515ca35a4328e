// Runs the steps of a directory in a process of its own, and tells how much memory it took at most.
import { createMigrateSafe } from 'migrate-safe';

const order = JSON.parse(process.argv[2] ?? '{}') as { file: string; steps: string; backups: string; driver: string };
const safe = createMigrateSafe({
  database: `sqlite:${order.file}?driver=${order.driver}`,
  steps: order.steps,
  backups: order.backups,
});
const outcome = await safe.up();
const told = outcome.match(
  (report) => ({ tables: report.applied[0]?.effects.tables }),
  ({ kind, message }) => ({ kind, message }),
);
// Kilobytes, https://nodejs.org/api/process.html#processresourceusage
process.stdout.write(JSON.stringify({ ...told, megabytes: process.resourceUsage().maxRSS / 1024 }));
void (await safe.close());
