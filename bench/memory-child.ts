// The process whose memory is measured: a thread of its own looks at it every few milliseconds while the work goes on.
import { Worker } from 'node:worker_threads';
import { managerIn, unwrapped } from './history.js';
import { WATCH } from './watch.js';

const [work, folder, backups] = process.argv.slice(2);
if (folder === undefined || backups === undefined)
  throw new Error('usage: memory-child backup|restore <folder> <backups>');

const safe = managerIn(folder, { backups });

const watch = new Worker(WATCH, { eval: true });
const answer = (): Promise<unknown> => new Promise((resolve) => watch.once('message', resolve));
await answer();
if (work === 'restore') await unwrapped(safe.restore({ choice: { latest: true } }));
else await unwrapped(safe.createBackup({ verify: 'quick' }));
const highest = answer();
watch.postMessage('end');
process.stdout.write(String(await highest));
await watch.terminate();
await unwrapped(safe.close());
