// One verified backup of a large PostgreSQL database, and its restore as a whole, against PostgreSQL's own programs.
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { managerIn, unwrapped } from '../history.js';
import { median, sideBySide, timed } from '../measure.js';
import { execute, type Cluster } from '../postgres/cluster.js';
import { largePostgres } from '../postgres/large-database.js';
import type { Row } from '../row.js';
import type { Scratch } from '../scratch.js';

const run = promisify(execFile);
const TURNS = { warmUp: 0, repetitions: 5 };

function emptyFolder(scratch: Scratch): string {
  const folder = scratch.folder();
  mkdirSync(path.join(folder, 'steps'));
  return folder;
}

const dump = (cluster: Cluster, url: string, file: string): Promise<unknown> =>
  run(cluster.program('pg_dump'), ['-Fc', '-f', file, url]);

export const postgresBackup: Row = {
  name: 'pg-backup-400mb',
  dialect: 'postgres',
  peer: 'pg_dump -Fc',
  unit: 'ms',
  atMost: 0.6,
  async measure(scratch) {
    const large = await largePostgres(scratch);
    if (large === undefined) return undefined;
    const { cluster, url: database } = large;
    const ours = async (): Promise<number> => {
      const folder = emptyFolder(scratch);
      const safe = managerIn(folder, { database });
      const ms = await timed(() => unwrapped(safe.createBackup({ verify: 'quick' })));
      await unwrapped(safe.close());
      scratch.remove(folder);
      return ms;
    };
    const theirs = async (): Promise<number> => {
      const folder = scratch.folder();
      const ms = await timed(() => dump(cluster, database, path.join(folder, 'archive')));
      scratch.remove(folder);
      return ms;
    };
    return sideBySide(ours, theirs, TURNS);
  },
};

export const postgresRestore: Row = {
  name: 'pg-restore-400mb',
  dialect: 'postgres',
  peer: 'pg_restore -1',
  unit: 'ms',
  atMost: 1.3,
  async measure(scratch) {
    const large = await largePostgres(scratch);
    if (large === undefined) return undefined;
    const { cluster, url: database } = large;
    const folder = emptyFolder(scratch);
    const safe = managerIn(folder, { database });
    const { manifest } = await unwrapped(safe.createBackup({ verify: 'quick' }));
    const archive = path.join(folder, 'archive');
    await dump(cluster, database, archive);
    const before: number[] = [];
    const apart: number[] = [];
    const ours = async (): Promise<number> => {
      await execute(database, `UPDATE docs SET title = 'damaged' WHERE id % 100 = 0`);
      let kept: number | undefined;
      const stop = safe.onProgress((progress) => {
        if (progress.kind === 'backup-taken') kept = performance.now();
      });
      const begun = performance.now();
      await unwrapped(safe.restore({ choice: { id: manifest.id } }));
      const ended = performance.now();
      stop();
      if (kept === undefined) throw new Error('the present state was not kept: where the restore began is not known');
      // The engine counts all rows and analyzes, which pg_restore leaves to others: how long that takes is seen by doing it again.
      const proof = await timed(() =>
        execute(database, 'SELECT count(*) FROM accounts', 'SELECT count(*) FROM docs', 'ANALYZE'),
      );
      before.push(kept - begun);
      apart.push(proof);
      return ended - kept - proof;
    };
    const theirs = async (): Promise<number> => {
      const target = await cluster.create();
      const ms = await timed(() => run(cluster.program('pg_restore'), ['-1', '-d', target, archive]));
      await cluster.drop(target);
      return ms;
    };
    const figures = await sideBySide(ours, theirs, TURNS);
    await unwrapped(safe.close());
    return {
      ...figures,
      note: `apart: proof and ANALYZE ${Math.round(median(apart))} ms; before it, the archive is checked and the present state kept in ${Math.round(median(before))} ms`,
    };
  },
};
