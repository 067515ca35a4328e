// A start with nothing to do: against knex doing nothing, and with a long journal against a short one.
import path from 'node:path';
import { migrateWithKnex, migrateWithUs, writeMigrations, writeSteps } from '../history.js';
import { lengthenJournal } from '../long-journal.js';
import { sideBySide, timed } from '../measure.js';
import type { Row } from '../row.js';
import type { Scratch } from '../scratch.js';

const STEPS = 200;
const EVENTS = 10_000;
const TURNS = { warmUp: 5, repetitions: 40 };

async function appliedByUs(scratch: Scratch): Promise<string> {
  const folder = scratch.folder();
  writeSteps(folder, STEPS);
  await migrateWithUs(folder, { fileBackup: 'never' });
  return folder;
}

const withSteps = (scratch: Scratch): Promise<string> => scratch.once('applied-by-us', () => appliedByUs(scratch));

async function withLongJournal(scratch: Scratch): Promise<string> {
  const folder = await appliedByUs(scratch);
  await lengthenJournal(folder, `sqlite:${path.join(folder, 'app.db')}?driver=sqlite3`, EVENTS);
  return folder;
}

async function appliedByKnex(scratch: Scratch): Promise<string> {
  const folder = scratch.folder();
  writeMigrations(folder, STEPS);
  await migrateWithKnex(folder);
  return folder;
}

const startOf = (folder: string) => (): Promise<number> => timed(() => migrateWithUs(folder));

export const noopAgainstKnex: Row = {
  name: 'noop-200',
  dialect: 'sqlite',
  peer: 'knex.migrate.latest()',
  unit: 'ms',
  atMost: 0.8,
  async measure(scratch) {
    const [ours, theirs] = [await withSteps(scratch), await appliedByKnex(scratch)];
    return sideBySide(startOf(ours), () => timed(() => migrateWithKnex(theirs)), TURNS);
  },
};

export const noopWithLongJournal: Row = {
  name: 'noop-10k-events',
  dialect: 'sqlite',
  peer: 'the journal of 200 steps',
  unit: 'ms',
  atMost: 1.3,
  async measure(scratch) {
    const [long, short] = [await withLongJournal(scratch), await withSteps(scratch)];
    return sideBySide(startOf(long), startOf(short), TURNS);
  },
};
