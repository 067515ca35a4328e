// A process that makes databases with the test kit and then is killed, ends by itself or with a close, or waits to be told to.
import { once } from 'node:events';
import { createTestKit } from 'migrate-safe/testing';
import { migrationsOf } from './kit-steps.js';

const [server = '', ending = 'end'] = process.argv.slice(2);
const kit = createTestKit({ server, steps: migrationsOf(() => undefined) });
const left = await kit.fresh();
const removed = await kit.fresh();
await removed.remove();
process.stdout.write(`${left.url}\n`);
if (ending === 'wait') await once(process.stdin, 'data');
if (ending === 'killed') process.kill(process.pid, 'SIGKILL');
// Without close: the database that is left is used by nobody, and no pool is in the way of the end.
(await left.database.close())._unsafeUnwrap();
process.stdin.unref();
// With nothing else to keep the process going.
if (ending === 'close') await kit.close();
