// `migrate-safe doctor` where the database is one of a server: everything in one answer, and what to type below it.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { CliProject } from '../support/cli-project.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';

interface Doctor {
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}

describe('doctor, of a database on a server', () => {
  let database: TestDatabase;
  let project: CliProject;
  beforeEach(async function () {
    database = await freshDatabase(this);
    project = new CliProject();
    for (const folder of ['migrations', 'backups']) mkdirSync(path.join(project.directory, folder));
  });
  afterEach(async () => {
    project.remove();
    await database.drop();
  });

  const at = (url: string, ...args: readonly string[]) => project.run(['--database', url, 'doctor', ...args]);

  it('looks at the folder of backups, too, and says what one needs', async () => {
    const { code, json } = await at(database.url, '--json');
    const { checks } = json<Doctor>();
    expect(code).to.equal(checks.every(({ ok }) => ok) ? 0 : 3);
    const detail = checks.find(({ name }) => name === 'backups')?.detail;
    expect(detail).to.match(/^backups can be written, .* free; one backup needs about \d/);
  });

  it('ends with the command that makes a database that is not there', async () => {
    const { code, stdout, stderr } = await at(`${database.url}_gone`);
    expect(code).to.equal(3);
    expect(stdout).to.match(/✖ database /);
    expect(stderr).to.match(/^createdb -h \S+ -p \d+ -U \w+ migrate_safe_test_\w+_gone$/m);
  });
});
