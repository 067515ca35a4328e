// What a step costs above its statements and table backup on a database of 500 tables: snapshot, effects, guard, journal.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { managerIn, migrateWithUs, unwrapped } from '../history.js';
import { median, timed } from '../measure.js';
import { clusterOf, execute, type Cluster } from '../postgres/cluster.js';
import type { Row } from '../row.js';
import type { Scratch } from '../scratch.js';

const TABLES = 500;
const LIMIT_MS = 30;
const TURNS = 5;
const MORE = 10;
/** Tables that hang on one table. */
const GROUP = 5;

const table = (at: number): string => `items_${at}`;
const CREATE = Array.from(
  { length: TABLES },
  (_, at) => `CREATE TABLE ${table(at)} (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE,
    parent_id integer REFERENCES ${table(at - (at % GROUP))}, amount integer CHECK (amount >= 0));
  INSERT INTO ${table(at)} (name, amount) SELECT 'name ' || i, i FROM generate_series(1, 20) i`,
);
/** It changes the schema and rows; the tables are small, so that what is measured is not the step. */
const STEP = (at: number): readonly string[] => [
  `ALTER TABLE ${table(at)} ADD COLUMN note text`,
  `UPDATE ${table(at)} SET note = 'seen', amount = amount + 1 WHERE id > 10`,
];

/** Milliseconds for each step beyond the first of a run: what a run costs as such is no part of a step. */
async function perStep(cluster: Cluster, scratch: Scratch): Promise<{ ours: number; theirs: number }> {
  const [folder, database] = [scratch.folder(), await cluster.create()];
  mkdirSync(path.join(folder, 'steps'));
  const write = (version: number, statements: readonly string[]): void =>
    writeFileSync(
      path.join(folder, 'steps', `${String(version).padStart(4, '0')}_step.sql`),
      `${statements.join(';\n')};\n`,
    );
  const options = { database, fileBackup: 'never' } as const;
  write(1, CREATE);
  await migrateWithUs(folder, options);
  await execute(database, 'VACUUM ANALYZE');
  /** What a run took without what it copied of tables. */
  const run = async (): Promise<number> => {
    const safe = managerIn(folder, options);
    let copying = 0;
    safe.onProgress((progress) => {
      if (progress.kind === 'backup-taken') copying += progress.ms;
    });
    await unwrapped(safe.status());
    const ms = await timed(() => unwrapped(safe.up()));
    await unwrapped(safe.close());
    return ms - copying;
  };
  write(2, STEP(0));
  const one = await run();
  for (let at = 1; at <= MORE + 1; at++) write(2 + at, STEP(at));
  const many = await run();
  const statements = Array.from({ length: MORE }, (_, at) => ['BEGIN', ...STEP(MORE + 2 + at), 'COMMIT']).flat();
  const alone = await timed(() => execute(database, ...statements));
  await cluster.drop(database);
  scratch.remove(folder);
  return { ours: (many - one) / MORE, theirs: alone / MORE };
}

export const postgresGuard: Row = {
  name: 'pg-guard-500',
  dialect: 'postgres',
  peer: `the limit of ${LIMIT_MS} ms`,
  unit: 'ms',
  atMost: 1,
  async measure(scratch) {
    const cluster = await clusterOf(scratch);
    if (cluster === undefined) return undefined;
    await perStep(cluster, scratch);
    const turns = [];
    for (let turn = 0; turn < TURNS; turn++) turns.push(await perStep(cluster, scratch));
    const [ours, alone] = [median(turns.map((turn) => turn.ours)), median(turns.map((turn) => turn.theirs))];
    return {
      ours: ours - alone,
      theirs: LIMIT_MS,
      note: `a step ${ours.toFixed(1)} ms, with its journal and without the copy of its table; its statements alone ${alone.toFixed(1)} ms`,
    };
  },
};
