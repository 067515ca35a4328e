// A migration that did what it said, and should not have: the steps are reverted, and the rows that went come back from the
// copies that step 0007 left in the database itself.
import { makeUp } from '../data/contents.js';
import { performIfMain } from '../stage/perform.js';
import type { Scenario } from '../stage/stage.js';
import { check, told } from '../stage/terminal.js';

const TABLES = ['earthquakes', 'detected_correlations'] as const;

export const regrettedMigration: Scenario = {
  name: 'Regretted migration',
  problem: ['The second reports of earthquakes, which step 0007 merged away as it declared, are wanted back.'],
  async play(stage) {
    const merged = stage.truth;
    const before = await stage.shape();
    const tooSoon = await stage.command('restore', '--before-step', '0007', '--tables', 'earthquakes', '--yes');
    check('as long as each event code may be there once only, they do not fit', tooSoon.code !== 0);
    await stage.checkRows('and nothing is changed');

    const down = await stage.command('down', '--to', '0006');
    check('the step, and those after it, are reverted', down.code === 0);
    const restored = await stage.command('restore', '--before-step', '0007', '--tables', TABLES.join(','), '--yes');
    check('the two tables are put back to what they were before it', restored.code === 0);
    const original = makeUp();
    stage.truth = { ...merged, ...Object.fromEntries(TABLES.map((table) => [table, original[table] ?? []])) };
    await stage.checkRows('every second report is back, and so are its correlations');

    told('and as the example needs them merged: forward again');
    const up = await stage.command('up');
    check('the steps are applied again', up.code === 0);
    stage.truth = merged;
    await stage.checkRows('the repeated ones are gone again');
    check('the schema is again what it was', (await stage.shape()) === before);
  },
};

await performIfMain(import.meta.url, regrettedMigration);
