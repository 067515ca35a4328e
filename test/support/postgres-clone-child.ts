// A real process that applies steps with a clone of the database as its way back, to be killed in the middle of it.
import { createMigrateSafe } from 'migrate-safe';

const [database = '', steps = '', backups = ''] = process.argv.slice(2);
const safe = createMigrateSafe({ database, steps, backups, fileBackupBy: 'template-clone', lockWait: '60s' });
const outcome = await safe.up();
process.stdout.write(outcome.isOk() ? 'applied\n' : `${outcome.error.kind}: ${outcome.error.message}\n`);
void (await safe.close());
