// Scenario 1 of the seed: rows are wrong, rows are gone, a table is gone. The latest backup comes back.
import { performIfMain } from '../stage/perform.js';
import { run, value } from '../stage/sql.js';
import type { Scenario } from '../stage/stage.js';
import { check, told } from '../stage/terminal.js';

export const dataCorruption: Scenario = {
  name: 'Data corruption',
  problem: ['A script that was never tested meets the live tables.'],
  async play(stage) {
    const taken = await stage.command('backup', 'create');
    check('a backup is taken, and verified', taken.code === 0);
    const before = await stage.shape();

    told('the script: magnitudes to 0, a year of positions deleted, a table dropped');
    await run(
      stage.url,
      `UPDATE earthquakes SET magnitude = 0 WHERE region = 'Japan Trench';
       DELETE FROM ephemeris WHERE epoch < '2024-01-01';
       DROP TABLE detected_correlations`,
    );
    const left = await value<number>(stage.url, 'SELECT count(*)::integer FROM ephemeris');
    check('the damage is real', left !== stage.truth['ephemeris']?.length, `${left} positions left`);
    await stage.command('status');

    const restored = await stage.command('restore', '--latest', '--yes');
    check('the latest backup is restored', restored.code === 0);
    await stage.checkRows('every row is what it was');
    check('and so are tables, columns, indexes, constraints, sequences and views', (await stage.shape()) === before);
    const next = await value<string>(stage.url, `SELECT nextval('earthquakes_id_seq')::text`);
    const highest = await value<string>(stage.url, 'SELECT max(id)::text FROM earthquakes');
    check('a new row gets a number of its own', Number(next) > Number(highest), `earthquakes goes on at ${next}`);
    const audit = await stage.command('audit');
    check('the journal went on, and tells of it', audit.code === 0);
  },
};

await performIfMain(import.meta.url, dataCorruption);
