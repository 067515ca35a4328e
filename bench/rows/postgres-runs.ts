// Runs of small steps on PostgreSQL: with nothing to do, and all of them on an empty database, against knex.
import { migrateWithKnex, migrateWithUs, writeMigrations, writeSteps } from '../history.js';
import { sideBySide, timed } from '../measure.js';
import { clusterOf, type Cluster } from '../postgres/cluster.js';
import type { Row } from '../row.js';
import type { Scratch } from '../scratch.js';

const STEPS = 200;
/** knex takes no backup either. */
const NO_FILE = { fileBackup: 'never' } as const;

export const postgresNoop: Row = {
  name: 'pg-noop-200',
  dialect: 'postgres',
  peer: 'knex.migrate.latest()',
  unit: 'ms',
  atMost: 0.8,
  async measure(scratch) {
    const cluster = await clusterOf(scratch);
    if (cluster === undefined) return undefined;
    const [folder, ours, theirs] = [scratch.folder(), await cluster.create(), await cluster.create()];
    writeSteps(folder, STEPS, 'postgres');
    writeMigrations(folder, STEPS, 'postgres');
    await migrateWithUs(folder, { database: ours, ...NO_FILE });
    await migrateWithKnex(folder, theirs);
    return sideBySide(
      () => timed(() => migrateWithUs(folder, { database: ours })),
      () => timed(() => migrateWithKnex(folder, theirs)),
      { warmUp: 5, repetitions: 40 },
    );
  },
};

/** A fresh database each time; only the run is counted. */
const runOn =
  (cluster: Cluster, scratch: Scratch, migrate: (folder: string, url: string) => Promise<void>) =>
  async (): Promise<number> => {
    const [folder, url] = [scratch.folder(), await cluster.create()];
    writeSteps(folder, STEPS, 'postgres');
    writeMigrations(folder, STEPS, 'postgres');
    const ms = await timed(() => migrate(folder, url));
    scratch.remove(folder);
    await cluster.drop(url);
    return ms;
  };

export const postgresRun: Row = {
  name: 'pg-run-200-steps',
  dialect: 'postgres',
  peer: 'knex.migrate.latest()',
  unit: 'ms',
  atMost: 3,
  async measure(scratch) {
    const cluster = await clusterOf(scratch);
    if (cluster === undefined) return undefined;
    return sideBySide(
      runOn(cluster, scratch, (folder, database) => migrateWithUs(folder, { database, ...NO_FILE })),
      runOn(cluster, scratch, migrateWithKnex),
      { warmUp: 1, repetitions: 9 },
    );
  },
};
