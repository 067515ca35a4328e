// Scenario 4 of the seed: back to how things were at a certain time, by the backup that was taken then.
import { performIfMain } from '../stage/perform.js';
import { value } from '../stage/sql.js';
import type { Scenario } from '../stage/stage.js';
import { check, told } from '../stage/terminal.js';

interface Listed {
  readonly backups: readonly { readonly id: string; readonly createdAt: string }[];
}

export const pointInTime: Scenario = {
  name: 'Back to a point in time',
  problem: ['Three backups in a row, each with a day of work between them. The middle one is wanted.'],
  async play(stage) {
    const rule = (id: number): Readonly<Record<string, unknown>> => ({
      id,
      name: `Rule of day ${id - 100}`,
      first_kind: 'ephemeris',
      second_kind: 'solar_events',
      within: `${id - 100} days`,
    });
    const kept = stage.truth;
    const wanted: (typeof stage.truth)[] = [];
    for (const day of [1, 2, 3]) {
      await stage.write('rules', rule(100 + day));
      wanted.push(stage.truth);
      const taken = await stage.command('backup', 'create');
      check(`the backup of day ${day} is taken`, taken.code === 0);
    }
    await stage.command('backup', 'list');
    const { backups } = await stage.project.ask<Listed>(stage.url, ['backup', 'list']);
    const newestFirst = backups.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
    const middle = newestFirst[1]?.id ?? '';
    told(`the second newest is the one: ${middle}`);
    const restored = await stage.command('restore', middle, '--yes');
    check('it is restored', restored.code === 0);
    stage.truth = wanted[1] ?? kept;
    await stage.checkRows('the rules of day 1 and 2 are there, and day 3 never was');
    const { backups: after } = await stage.project.ask<Listed>(stage.url, ['backup', 'list']);
    check(
      'what was there before the restore is kept, too',
      after.length > backups.length && newestFirst.every(({ id }) => after.some((one) => one.id === id)),
      `${backups.length} backups before, ${after.length} now`,
    );
    const names = await value<number>(stage.url, `SELECT count(*)::integer FROM rules WHERE name LIKE 'Rule of day%'`);
    check('as the database itself says', names === 2);
  },
};

await performIfMain(import.meta.url, pointInTime);
