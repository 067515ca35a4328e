// One backup of a large file with its checks, as it is taken before a step, against a copy of the file and its fsync.
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { managerIn, unwrapped } from '../history.js';
import { largeDatabase } from '../large-database.js';
import { median, sideBySide, timed } from '../measure.js';
import type { Row } from '../row.js';
import type { Scratch } from '../scratch.js';

const run = promisify(execFile);

/** In a process of its own: to read the live file in this one would drop SQLite's locks. */
async function copyAndSync(from: string, to: string): Promise<void> {
  await run('cp', [...(process.platform === 'linux' ? ['--reflink=never'] : []), from, to]);
  const copy = await open(to, 'r+');
  await copy.sync();
  await copy.close();
}

async function backUp(scratch: Scratch, folder: string, copying: number[]): Promise<number> {
  const backups = scratch.folder();
  const safe = managerIn(folder, { backups });
  let begun = 0;
  let copied = 0;
  safe.onProgress((progress) => {
    if (progress.kind !== 'backup-progress') return;
    copied = performance.now();
    if (begun === 0) begun = copied;
  });
  const ms = await timed(() => unwrapped(safe.createBackup({ verify: 'quick' })));
  await unwrapped(safe.close());
  copying.push(copied - begun);
  scratch.remove(backups);
  return ms;
}

export const fileBackup: Row = {
  name: 'backup-500mb',
  dialect: 'sqlite',
  peer: 'cp and fsync',
  unit: 'ms',
  atMost: 5,
  async measure(scratch) {
    const folder = await largeDatabase(scratch);
    mkdirSync(path.join(folder, 'steps'), { recursive: true });
    const copying: number[] = [];
    const theirs = async (): Promise<number> => {
      const target = scratch.folder();
      const ms = await timed(() => copyAndSync(path.join(folder, 'app.db'), path.join(target, 'copy.db')));
      scratch.remove(target);
      return ms;
    };
    const figures = await sideBySide(() => backUp(scratch, folder, copying), theirs, { warmUp: 1, repetitions: 5 });
    const copy = median(copying.slice(1));
    return {
      ...figures,
      note: `copying pages ${Math.round(copy)} ms; fsync, then check and digest side by side ${Math.round(figures.ours - copy)} ms`,
    };
  },
};
