// A run as a user without rights: root is above them, so it becomes somebody else first. Exits with 77 where that cannot be.
import { createMigrateSafe } from 'migrate-safe';

const order = JSON.parse(process.argv[2] ?? '{}') as { file: string; steps: string; backups: string; driver: string };
const safe = createMigrateSafe({
  database: `sqlite:${order.file}?driver=${order.driver}`,
  steps: order.steps,
  backups: order.backups,
  lockWait: 500,
});
// Drivers and modules are loaded while they can still be read.
void (await safe.status());
try {
  if (process.getuid?.() === 0) {
    process.setgid?.(65534);
    process.setuid?.(65534);
  }
} catch {
  process.exit(77);
}
const status = await safe.status();
const up = await safe.up();
const told = up.match(
  () => 'applied',
  ({ kind, exitCode, message, hint, state }) => ({ kind, exitCode, message, hint, state }),
);
process.stdout.write(JSON.stringify({ status: status.isOk() ? 'ok' : status.error.message, up: told }));
void (await safe.close());
