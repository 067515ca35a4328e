// Runs the celestial-signs example as a reader of its README does: all scenarios on a server that is named, one on a server of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import pg from 'pg';
import { freshDatabase, testServer, type TestDatabase } from '../support/postgres.js';

const EXAMPLE = path.resolve('examples/celestial-signs');
const BUILT = path.resolve('.build/examples/celestial-signs');
const README = readFileSync(path.join(EXAMPLE, 'README.md'), 'utf8');
const COMMANDS = [...README.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
  block.split('\n').filter((line) => line.trim() !== ''),
);
const SCENARIOS = readdirSync(path.join(EXAMPLE, 'scenarios')).map((name) => name.replace(/\.ts$/, ''));

interface Played {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function play(script: string, env: Readonly<Record<string, string>>): Promise<Played> {
  const settings = Object.entries(process.env).filter(
    ([name]) => !/^(DATABASE_URL|PG[A-Z]+|MIGRATE_SAFE_\w+)$/.test(name),
  );
  const child = spawn(process.execPath, [path.join(BUILT, script)], {
    env: { ...Object.fromEntries(settings), NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, exit] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  const [code]: (number | null)[] = exit;
  return { code: code ?? null, out, err };
}

function expectAllHold({ code, out, err }: Played): void {
  expect(err).to.equal('');
  expect(out.match(/did not hold: .+/g) ?? []).to.deep.equal([]);
  expect(out).to.match(/^ +(\d+) of \1 checks hold/m);
  expect(code).to.equal(0);
}

describe('example celestial-signs', function () {
  this.timeout(600_000);

  describe('all scenarios, on a server that is named', () => {
    let database: TestDatabase;
    let present: readonly string[];
    let demo: Played;
    before(async function () {
      database = await freshDatabase(this);
      present = await namesOn(database.url);
      demo = await play('demo.js', { DATABASE_URL: database.url });
    });
    after(() => database?.drop());

    it('finds everything true that it shows', () => expectAllHold(demo));

    it('plays every scenario', () => {
      for (const scenario of SCENARIOS) {
        const [, name = ''] =
          /^ {2}name: '(.+)',$/m.exec(readFileSync(path.join(EXAMPLE, 'scenarios', `${scenario}.ts`), 'utf8')) ?? [];
        expect(name).not.to.equal('');
        expect(demo.out).to.include(`\n${name}\n`);
      }
    });

    it('leaves no database and no user behind', async () => {
      expect(await namesOn(database.url)).to.deep.equal(present);
    });

    it('writes no colour where nobody sees it, and no password', () => {
      expect(demo.out).not.to.include('\u001b');
      expect(demo.out).not.to.match(/postgres:\/\/[^/@\s]*:[^/@\s]*@/);
    });
  });

  describe('the loss of a server, on servers of its own', () => {
    it('finds everything true that it shows', async function () {
      const server = await testServer();
      if (server?.binaries === undefined) return this.skip();
      expectAllHold(await play('scenarios/complete-database-loss.js', { PG_BIN: server.binaries }));
    });
  });

  describe('the README', () => {
    it('names only commands that exist', () => {
      const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
      for (const command of COMMANDS) {
        const [program = '', first = '', second = ''] = command.split(' ');
        if (program === 'npm') expect(first === 'run' && second in scripts, command).to.equal(true);
        else if (program === 'node') expect(existsSync(first), command).to.equal(true);
        else expect(command).to.equal('npx tsc -b examples');
      }
      expect(scripts['demo:postgres']).to.match(/node \.build\/examples\/celestial-signs\/demo\.js$/);
    });

    it('names every scenario, every file and every step of the example', () => {
      for (const scenario of SCENARIOS) expect(README).to.include(`scenarios/${scenario}.js`);
      for (const name of readdirSync(EXAMPLE))
        if (name !== 'README.md') expect(README).to.match(new RegExp(`\`${name}/?\``));
      for (const name of readdirSync(path.join(EXAMPLE, 'migrations')))
        if (name > '0005') expect(README).to.include((name.split('.')[0] ?? '').replaceAll('_', ' '));
    });
  });
});

/** Databases and users of the server, but for those of tests beside this one. */
async function namesOn(url: string): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    `SELECT datname AS name FROM pg_database WHERE datname LIKE 'celestial%'
     UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE 'celestial%' ORDER BY 1`,
  );
  await client.end();
  return rows.map(({ name }) => name);
}
