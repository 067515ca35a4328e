// Scenario 3 of the seed: the server is gone, and with it the database, its journal and its user. The backups folder is left.
import { performIfMain } from '../stage/perform.js';
import { startServer } from '../stage/server.js';
import { query } from '../stage/sql.js';
import type { Scenario, Stage } from '../stage/stage.js';
import { check, told } from '../stage/terminal.js';

export const completeDatabaseLoss: Scenario = {
  name: 'Complete database loss',
  problem: ['The server does not come back. There is the backups folder, and a new server with nothing on it.'],
  async play(stage) {
    const taken = await stage.command('backup', 'create');
    check('last night there was a backup', taken.code === 0);
    const before = await stage.shape();
    const { events } = await stage.project.ask<{ events: readonly { readonly hash: string }[] }>(stage.url, [
      'history',
    ]);

    await lose(stage);
    const lost = await stage.command('status');
    check('the database is not there', lost.code !== 0);
    await stage.createDatabase();
    told('the user and an empty database are made again, by hand');
    const refused = await stage.command('up');
    check('it is not taken for a new one: nothing is applied to it', refused.code !== 0);

    const restored = await stage.command('restore', '--latest', '--yes');
    check('the backup is restored into it', restored.code === 0);
    await stage.checkRows('every row is back');
    check('every table, index, constraint, sequence, view and extension is back', (await stage.shape()) === before);
    const extensions = await query<{ extname: string }>(stage.url, 'SELECT extname FROM pg_extension ORDER BY extname');
    told(`extensions: ${extensions.map(({ extname }) => extname).join(', ')}`);
    const after = await stage.project.ask<{ events: readonly { readonly hash: string }[] }>(stage.url, ['history']);
    check(
      'the journal is back to its last event, from its copy beside the backups',
      events.every(({ hash }, index) => after.events[index]?.hash === hash),
      `${events.length} events before, ${after.events.length} now`,
    );
    const audit = await stage.command('audit');
    check('its chain holds', audit.code === 0);
    const again = await stage.command('up');
    check('and the application starts as ever', again.code === 0);
  },
};

/** Where the server is the example's own it goes, and another comes in its place; on somebody's only what was made there goes. */
async function lose(stage: Stage): Promise<void> {
  const { server } = stage;
  const { ownPort } = server;
  if (ownPort === undefined) {
    await server.dropDatabase(stage.database);
    await server.dropUser();
    return told('the database and its user are dropped: the server is not ours to lose');
  }
  await server.leave();
  const next = await startServer(ownPort);
  if (next === undefined) throw new Error('no other server can be started');
  stage.moveTo(next);
  told('the server is killed, and its folder removed; another one is started in its place');
}

await performIfMain(import.meta.url, completeDatabaseLoss);
