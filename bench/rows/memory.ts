// How much memory a process needs above its start while it backs up or restores a large file.
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { largeDatabase } from '../large-database.js';
import type { Row } from '../row.js';

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL('../memory-child.js', import.meta.url));
const LIMIT_MB = 150;

const memoryRow = (work: 'backup' | 'restore'): Row => ({
  name: `memory-${work}`,
  dialect: 'sqlite',
  peer: 'the limit',
  unit: 'MB',
  atMost: 1,
  async measure(scratch) {
    const folder = await largeDatabase(scratch);
    mkdirSync(path.join(folder, 'steps'), { recursive: true });
    const backups = scratch.folder();
    const grownBy = async (doing: typeof work): Promise<number> =>
      Number((await run(process.execPath, [CHILD, doing, folder, backups])).stdout);
    const taking = await grownBy('backup');
    const ours = work === 'backup' ? taking : await grownBy('restore');
    scratch.remove(backups);
    return { ours, theirs: LIMIT_MB };
  },
});

export const memoryOfBackup = memoryRow('backup');
export const memoryOfRestore = memoryRow('restore');
