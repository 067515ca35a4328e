// The troubles that the seed has a page for: what the command says when it meets them.
import { performIfMain } from '../stage/perform.js';
import { query } from '../stage/sql.js';
import type { Scenario } from '../stage/stage.js';
import { check, told } from '../stage/terminal.js';

export const troubleshooting: Scenario = {
  name: 'Troubleshooting',
  problem: [
    'A wrong password, a database that is not there, a database of somebody else, and what doctor says of this one.',
  ],
  async play(stage) {
    const { server, project } = stage;
    const wrong = { ...stage.login, password: 'not-the-password' };
    if (await letsIn(server.urlOf(stage.database, wrong)))
      told('this server asks for no password: nothing to see of a wrong one');
    else {
      const refused = await project.command(server.urlOf(stage.database, wrong), ['status']);
      check('a wrong password is called one', refused.code !== 0 && /password/i.test(refused.text));
      check('and is not shown', !refused.text.includes(wrong.password));
    }

    const absent = await project.command(server.urlOf(`${stage.database}_absent`), ['status']);
    check(
      'a database that is not there is called that',
      absent.code !== 0 && /does not exist|no database/i.test(absent.text),
    );

    const other = `${stage.database}_other`;
    await server.createDatabase(other);
    await query(server.urlOf(other), 'CREATE TABLE somebody_elses (id serial PRIMARY KEY)');
    const foreign = await project.command(server.urlOf(other), ['up', '--backups', './backups-of-the-other']);
    check('a database with tables and no journal is left alone', foreign.code === 3);
    await server.dropDatabase(other);

    const doctor = await stage.command('doctor');
    check('doctor finds nothing that is missing', doctor.code === 0);
  },
};

async function letsIn(url: string): Promise<boolean> {
  try {
    await query(url, 'SELECT 1');
    return true;
  } catch {
    return false;
  }
}

await performIfMain(import.meta.url, troubleshooting);
