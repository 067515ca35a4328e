// A real process that puts a PostgreSQL database back by a swap of names, to be killed in the middle of it.
import { createMigrateSafe } from 'migrate-safe';

const [database = '', steps = '', backups = ''] = process.argv.slice(2);
const safe = createMigrateSafe({ database, steps, backups, lockWait: '60s' });
const outcome = await safe.restore({ choice: { latest: true }, by: 'swap' });
process.stdout.write(outcome.isOk() ? 'restored\n' : `${outcome.error.kind}: ${outcome.error.message}\n`);
void (await safe.close());
