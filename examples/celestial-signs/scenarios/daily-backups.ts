// The seed's daily work: a backup each night, seven days of them, each a file that can be looked into and copied away.
import { existsSync } from 'node:fs';
import { backupDatabase, lineOf, type Nightly } from '../backup-database.js';
import { performIfMain } from '../stage/perform.js';
import type { Scenario } from '../stage/stage.js';
import { check, printed, told } from '../stage/terminal.js';

const DAY_MS = 86_400_000;

export const dailyBackups: Scenario = {
  name: 'Daily backups',
  problem: ['Every night at two, for ten nights; backups are kept for seven days.'],
  async play(stage) {
    const nights: Nightly[] = [];
    for (const night of [0, 1, 9]) {
      told(night === 0 ? 'the first night' : `night ${night + 1}`);
      // Only the script's clock is put forward: what it takes now is as old as it is.
      const done = await backupDatabase({
        database: stage.url,
        backups: stage.project.backups,
        days: 7,
        now: Date.now() + night * DAY_MS,
      });
      if (done.isErr()) return check('the backup is taken', false, `${done.error.message} [${done.error.code}]`);
      printed(lineOf(done.value));
      nights.push(done.value);
    }
    const [first, second, last] = nights;
    const gone = last?.removed.map(({ manifest }) => manifest.id) ?? [];
    check('the first two nights removed nothing', first?.removed.length === 0 && second?.removed.length === 0);
    check(
      'the last one removed both of them, and not itself',
      gone.length === 2 &&
        [first, second].every((night) => night !== undefined && !existsSync(night.taken.directory)) &&
        last !== undefined &&
        existsSync(last.taken.file),
    );
    const list = await stage.command('backup', 'list');
    check('what is left is listed', list.code === 0 && list.text.includes(last?.taken.manifest.id ?? 'none'));
    const show = await stage.command('backup', 'show', last?.taken.manifest.id ?? '');
    check('each can be looked into', show.code === 0);
    await stage.checkRows('nothing of it touched a row');
  },
};

await performIfMain(import.meta.url, dailyBackups);
