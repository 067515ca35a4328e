// A whole run of small steps on an empty file, with journal, guard and validation, against knex without any of them.
import { migrateWithKnex, migrateWithUs, writeMigrations, writeSteps } from '../history.js';
import { sideBySide, timed } from '../measure.js';
import type { Row } from '../row.js';
import type { Scratch } from '../scratch.js';

const STEPS = 200;

/** A fresh folder each time; only the run is counted. */
const runIn =
  (scratch: Scratch, write: (folder: string, count: number) => void, migrate: (folder: string) => Promise<void>) =>
  async (): Promise<number> => {
    const folder = scratch.folder();
    write(folder, STEPS);
    const ms = await timed(() => migrate(folder));
    scratch.remove(folder);
    return ms;
  };

export const runSteps: Row = {
  name: 'run-200-steps',
  dialect: 'sqlite',
  peer: 'knex.migrate.latest()',
  unit: 'ms',
  atMost: 3,
  measure: (scratch) =>
    sideBySide(
      runIn(scratch, writeSteps, (folder) => migrateWithUs(folder, { fileBackup: 'each-run' })),
      runIn(scratch, writeMigrations, migrateWithKnex),
      { warmUp: 2, repetitions: 15 },
    ),
};
