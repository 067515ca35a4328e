// A cold process: from before the import of the packed library to its first answer, against knex and the driver alone.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { migrateWithUs, writeSteps } from '../history.js';
import { sideBySide } from '../measure.js';
import type { Row } from '../row.js';
import type { Scratch } from '../scratch.js';

const run = promisify(execFile);
const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const NAME = 'migrate-safe';

const OURS = `
const started = performance.now();
const { createMigrateSafe } = await import('migrate-safe');
const safe = createMigrateSafe({ database: 'sqlite:app.db', steps: 'steps', backups: 'backups' });
const outcome = await safe.up();
if (outcome.isErr() || outcome.value.applied.length > 0) throw new Error('there was something to do');
process.stdout.write(String(performance.now() - started));
await safe.close();`;

const THEIRS = `
const started = performance.now();
const { default: knex } = await import('knex');
const db = knex({ client: 'sqlite3', connection: { filename: 'app.db' }, useNullAsDefault: true });
await db.raw('select 1');
process.stdout.write(String(performance.now() - started));
await db.destroy();`;

/** A project that has the library as its tarball gives it, every other package beside it, and one applied step. */
async function project(scratch: Scratch): Promise<string> {
  const folder = scratch.folder();
  const modules = path.join(folder, 'node_modules');
  mkdirSync(modules);
  const installed = path.join(REPOSITORY, 'node_modules');
  for (const name of readdirSync(installed).filter((one) => !one.startsWith('.') && one !== NAME)) {
    symlinkSync(path.join(installed, name), path.join(modules, name), 'junction');
  }
  // The scripts of packing would build anew what this benchmark is running from.
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
    cwd: REPOSITORY,
    shell: process.platform === 'win32',
  });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack left no tarball');
  await run('tar', ['-xzf', tarball], { cwd: folder });
  renameSync(path.join(folder, 'package'), path.join(modules, NAME));
  writeSteps(folder, 1);
  await migrateWithUs(folder);
  return folder;
}

const answerOf = (script: string, cwd: string) => async (): Promise<number> => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd });
  return Number(stdout);
};

export const importCold: Row = {
  name: 'import-cold',
  dialect: 'sqlite',
  peer: 'knex and sqlite3 alone',
  unit: 'ms',
  atMost: 1.5,
  async measure(scratch) {
    const folder = await project(scratch);
    return sideBySide(answerOf(OURS, folder), answerOf(THEIRS, folder), { warmUp: 2, repetitions: 15 });
  },
};
