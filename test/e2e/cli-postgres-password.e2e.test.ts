// A server that asks for a password: the file of passwords has it, and nothing is said about that.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { CliProject } from '../support/cli-project.js';
import { serverWithPassword } from '../support/postgres.js';

const PASSWORD = String.raw`p:w\ x`;

describe('a password that is in ~/.pgpass', () => {
  let url: string;
  let project: CliProject;
  before(async function () {
    this.timeout(30_000);
    url = (await serverWithPassword(this, PASSWORD)).replace(/:[^:@/]*@/, '@');
  });
  beforeEach(() => {
    project = new CliProject();
    mkdirSync(path.join(project.directory, 'migrations'));
    writeFileSync(path.join(project.directory, 'migrations', '0001_a.sql'), 'CREATE TABLE a (id int);');
  });
  afterEach(() => project.remove());

  const env = (line: string): Record<string, string> => {
    const file = path.join(project.directory, 'pgpass');
    writeFileSync(file, `# of another server\nnowhere:*:*:*:no\n${line}\n`);
    chmodSync(file, 0o600);
    return { DATABASE_URL: url, PGPASSFILE: file };
  };

  it('is enough for every connection, without a word', async () => {
    const { host } = new URL(url);
    const line = `${host}:*:postgres:${PASSWORD.replaceAll(/[\\:]/g, String.raw`\$&`)}`;
    const { code, stdout, stderr } = await project.run(['up'], env(line));
    expect(stderr).to.equal('');
    expect(stdout).to.contain('0001');
    expect(code).to.equal(0);
  });

  it('is asked for where the file has none', async () => {
    const { code, stderr } = await project.run(['up'], env('elsewhere:*:*:*:no'));
    expect(code).not.to.equal(0);
    expect(stderr).to.contain('.pgpass').and.not.contain('Deprecation');
  });
});
