// Scenario 2 of the seed: a migration fails. Nothing of it is left, so there is nothing to restore; it is mended, tried on
// a test database that comes out of a backup, and applied.
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { performIfMain } from '../stage/perform.js';
import { value } from '../stage/sql.js';
import type { Scenario, Stage } from '../stage/stage.js';
import { check, told } from '../stage/terminal.js';

export const failedMigration: Scenario = {
  name: 'Failed migration',
  problem: ['A step adds a column, fills it, and finds only then that it forgot one of four cases.'],
  async play(stage) {
    const before = await stage.shape();
    await stage.project.add('flawed', '0010_rank_alerts.up.sql', '0010_rank_alerts.down.sql');
    const failed = await stage.command('up');
    check('the step fails, and says where', failed.code === 1 && /0010_rank_alerts\.up\.sql/.test(failed.text));
    check('nothing of it is left in the schema', (await stage.shape()) === before);
    await stage.checkRows('nor in the rows');

    told('the step is mended; a backup is restored into a test database, and the step tried there');
    await stage.project.add('corrected', '0010_rank_alerts.up.sql');
    await onTestDatabase(stage);
    const applied = await stage.command('up');
    check('then the real one gets it', applied.code === 0);
    const ranks = await value<string>(
      stage.url,
      `SELECT string_agg(DISTINCT urgency::text, ' ' ORDER BY urgency::text) FROM alerts`,
    );
    check('every alert has its rank', ranks === '1 2 3 4', ranks);
    await stage.checkRows('and is otherwise what it was');
    await undeclared(stage);
    await unbuildable(stage);
  },
};

async function onTestDatabase(stage: Stage): Promise<void> {
  const name = `${stage.database}_test`;
  await stage.server.createDatabase(name);
  const url = stage.server.urlOf(name);
  // It goes its own way from there: with the same folder, each of the two would find the other's events in the journal.
  await cp(stage.project.backups, path.join(stage.project.folder, 'backups-of-the-test'), { recursive: true });
  const own = ['--backups', 'backups-of-the-test'];
  const restored = await stage.project.command(url, ['restore', '--latest', '--yes', ...own]);
  check('a backup is restored into an empty database', restored.code === 0);
  await stage.checkRows('it holds every row', url);
  const tried = await stage.project.command(url, ['up', ...own]);
  check('the mended step works there', tried.code === 0);
  await stage.server.dropDatabase(name);
}

/** A step that loses more than it says does not get as far as its commit. */
async function undeclared(stage: Stage): Promise<void> {
  told('another step deletes prophecies, and through their foreign keys what belongs to them, and does not say so');
  await stage.project.add('undeclared', '0011_retire_moon_prophecies.sql');
  const refused = await stage.command('up');
  check('the guard refuses it', refused.code === 1 && refused.text.includes('MS-GUARD-LOSS'));
  check('it names both tables', /\bprophecies\b/.test(refused.text) && /\brelationships\b/.test(refused.text));
  await stage.checkRows('every row is still there');
  await stage.project.remove('0011_retire_moon_prophecies.sql');
}

/** An index that cannot be built leaves an invalid one behind: PostgreSQL does, migrate-safe does not. */
async function unbuildable(stage: Stage): Promise<void> {
  told('a step without a transaction builds a unique index over values that are not');
  await stage.project.add('unbuildable', '0011_one_sign_per_type.sql');
  const failed = await stage.command('up');
  check('it fails', failed.code !== 0);
  const invalid = await value<number>(stage.url, 'SELECT count(*)::integer FROM pg_index WHERE NOT indisvalid');
  check('and leaves no invalid index behind', invalid === 0);
  await stage.checkRows('nor anything else');
  await stage.project.remove('0011_one_sign_per_type.sql');
  const after = await stage.command('up');
  check('without it, all is well again', after.code === 0);
}

await performIfMain(import.meta.url, failedMigration);
