// The process whose memory is measured while it takes a backup or restores one.
import { managerIn, unwrapped } from './history.js';
import { peakFromHere } from './peak.js';

const [work, folder, backups] = process.argv.slice(2);
if (folder === undefined || backups === undefined)
  throw new Error('usage: memory-child backup|restore <folder> <backups>');

const safe = managerIn(folder, { backups });
const grown = peakFromHere();
if (work === 'restore') await unwrapped(safe.restore({ choice: { latest: true } }));
else await unwrapped(safe.createBackup({ verify: 'quick' }));
process.stdout.write(String(grown()));
await unwrapped(safe.close());
