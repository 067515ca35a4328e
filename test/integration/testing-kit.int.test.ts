// The test kit: a migrated database for every test, on every engine, and nothing left behind whatever becomes of the process.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { Dao, defineTable } from 'migrate-safe/dao';
import { createTestKit, type TestKit, type TestKitOptions } from 'migrate-safe/testing';
import { MigrationStep } from 'migrate-safe';
import pg from 'pg';
import * as z from 'zod';
import { migrationsOf } from '../support/kit-steps.js';
import { freshDatabase, testServer } from '../support/postgres.js';
import { value } from '../support/project.js';

const Notes = defineTable('notes', { id: z.int(), text: z.string() }, { primaryKey: 'id' });

interface Place {
  readonly name: string;
  options(test: Mocha.Context): Promise<Pick<TestKitOptions, 'server' | 'driver'>>;
  /** Whether the database of a URL is there. */
  has(url: string): Promise<boolean>;
}

const fileOf = (url: string): string => /^sqlite:(.*)\?driver=/.exec(url)?.[1] ?? '';
const onFiles = (driver: 'sqlite3' | 'better-sqlite3'): Place => ({
  name: driver,
  options: () => Promise.resolve({ driver }),
  has: (url) => Promise.resolve(existsSync(fileOf(url))),
});

async function inServer(sql: string, params: readonly unknown[] = []): Promise<number> {
  const server = await testServer();
  const client = new pg.Client({ connectionString: server?.url });
  await client.connect();
  try {
    return (await client.query(sql, [...params])).rowCount ?? 0;
  } finally {
    await client.end();
  }
}
const nameOf = (url: string): string => new URL(url).pathname.slice(1);

const PLACES: readonly Place[] = [
  onFiles('sqlite3'),
  onFiles('better-sqlite3'),
  {
    name: 'pg',
    options: async (test) => {
      // Says what to do where there is no server.
      const made = await freshDatabase(test);
      await made.drop();
      return { server: (await testServer())?.url };
    },
    has: async (url) => (await inServer('SELECT FROM pg_database WHERE datname = $1', [nameOf(url)])) === 1,
  },
];

const CHILDREN = new Set<ChildProcess>();

/** A process that has made a database, and its URL. */
async function child(server: string | undefined, ending: string): Promise<{ process: ChildProcess; url: string }> {
  const script = path.resolve('.build/test/support/testing-kit-child.js');
  const started = spawn(process.execPath, [script, server ?? '', ending], { stdio: ['pipe', 'pipe', 'inherit'] });
  CHILDREN.add(started);
  const [said] = (await once(started.stdout, 'data')) as [Buffer];
  return { process: started, url: said.toString().trim() };
}
async function ended({ process: started }: { process: ChildProcess }): Promise<number | null> {
  if (started.exitCode === null && started.signalCode === null) await once(started, 'exit');
  return started.exitCode;
}

for (const place of PLACES)
  describe(`the test kit on ${place.name}`, function () {
    this.timeout(180_000);
    let options: Pick<TestKitOptions, 'server' | 'driver'>;
    let kits: TestKit[];
    before(async function () {
      options = await place.options(this);
    });
    beforeEach(() => (kits = []));
    afterEach(async () => {
      for (const one of CHILDREN) one.kill('SIGKILL');
      CHILDREN.clear();
      for (const kit of kits) await kit.close();
    });
    const kitOf = (more: TestKitOptions): TestKit => {
      const kit = createTestKit({ ...options, ...more });
      kits.push(kit);
      return kit;
    };

    it('gives each test a database that the steps and the seed are in, having run them once', async () => {
      let [applied, seeded] = [0, 0];
      const kit = kitOf({
        steps: migrationsOf(() => (applied += 1)),
        seed: (database) => {
          seeded += 1;
          return new Dao(database, Notes).insert({ id: 1, text: 'seeded' });
        },
      });
      const [one, two, three] = await Promise.all([kit.fresh(), kit.fresh(), kit.fresh()]);
      expect(new Set([one.url, two.url, three.url]).size).to.equal(3);
      value(await new Dao(one.database, Notes).insert({ id: 2, text: 'of one' }));
      value(await new Dao(two.database, Notes).removeMany('all'));
      const counts = [one, two, three].map(async ({ database }) => value(await new Dao(database, Notes).count()));
      expect(await Promise.all(counts)).to.deep.equal([2, 0, 1]);
      for (const { remove } of [one, two, three]) await remove();
      const four = await kit.fresh();
      expect(value(await new Dao(four.database, Notes).list())).to.deep.equal([{ id: 1, text: 'seeded' }]);
      await four.remove();
      expect([applied, seeded]).to.deep.equal([1, 1]);
    });

    it('leaves nothing when it is closed, also of what was not removed', async () => {
      const kit = kitOf({ steps: migrationsOf(() => undefined) });
      const [kept, removed] = [await kit.fresh(), await kit.fresh()];
      expect(await place.has(kept.url)).to.equal(true);
      await removed.remove();
      value(await kept.database.close());
      await kit.close();
      expect(await place.has(kept.url)).to.equal(false);
      expect(await place.has(removed.url)).to.equal(false);
    });

    it('says which step or seed cannot be applied, to everybody who asks', async () => {
      const said = (kit: TestKit): Promise<string> =>
        kit.fresh().then(
          () => 'made',
          (error: Error) => error.message,
        );
      const broken = new MigrationStep(7, 'broken', { apply: (knex) => knex.raw('CREATE TABEL t (x int)') });
      const kit = kitOf({ steps: [broken] });
      expect(await said(kit)).to.match(/steps cannot be applied.*TABEL.*\[MS-/);
      expect(await said(kit)).to.match(/TABEL/);
      const seed = kitOf({
        steps: migrationsOf(() => undefined),
        seed: (database) => new Dao(database, Notes).get(404),
      });
      expect(await said(seed)).to.match(/seed failed.*not-found/);
    });

    it('leaves nothing of a process that ends without closing it', async () => {
      const made = await child(options.server, 'end');
      expect(await ended(made)).to.equal(0);
      expect(await place.has(made.url)).to.equal(false);
    });

    it('lets a process that waits for its close end after it', async () => {
      const made = await child(options.server, 'close');
      expect(await ended(made)).to.equal(0);
      expect(await place.has(made.url)).to.equal(false);
    });

    it('removes what a killed process has left, and nothing of one that lives', async () => {
      const waiting = await child(options.server, 'wait');
      const killed = await child(options.server, 'killed');
      await ended(killed);
      expect(await place.has(killed.url)).to.equal(true);
      const kit = kitOf({ steps: migrationsOf(() => undefined) });
      // A server takes a moment to find out that a connection is gone.
      for (let tries = 0; tries < 20 && (await place.has(killed.url)); tries += 1) {
        const next = createTestKit({ ...options, steps: migrationsOf(() => undefined) });
        await next.fresh().then(({ remove }) => remove());
        await next.close();
      }
      expect(await place.has(killed.url)).to.equal(false);
      expect(await place.has(waiting.url)).to.equal(true);
      waiting.process.stdin?.write('\n');
      expect(await ended(waiting)).to.equal(0);
      await kit.close();
    });
  });

describe('the test kit', () => {
  it('removes no folder that is not its own, or whose process lives', async () => {
    const prefix = `migrate-safe-testing-${hostname().replaceAll(/[^A-Za-z0-9]/g, '_')}-`;
    const others = [`${prefix}backup`, `${prefix}${process.pid}-mine`, `migrate-safe-testing-elsewhere-1-1-abcdef`];
    const dead = `${prefix}${2 ** 22 + 7}-1-abcdef`;
    // Of a process with this one's number, before the machine or the container was started again.
    const before = `${prefix}${process.pid}-1-abcdef`;
    const alive = `${prefix}${process.ppid}-1-abcdef`;
    const folders = [...others, dead, before, alive].map((name) => path.join(tmpdir(), name));
    try {
      for (const folder of folders) mkdirSync(folder);
      const kit = createTestKit({ driver: 'sqlite3' });
      await (await kit.fresh()).remove();
      await kit.close();
      expect(readdirSync(tmpdir())).to.include.members([...others, alive]);
      expect(readdirSync(tmpdir())).not.to.include(dead).and.not.to.include(before);
    } finally {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    }
  });

  it('drops no database that only looks like its own', async function () {
    await freshDatabase(this).then((made) => made.drop());
    const name = 'migrate_safe_testing_notes';
    await inServer(`CREATE DATABASE ${name}`);
    try {
      const kit = createTestKit({ server: (await testServer())?.url });
      await (await kit.fresh()).remove();
      await kit.close();
      expect(await inServer('SELECT FROM pg_database WHERE datname = $1', [name])).to.equal(1);
    } finally {
      await inServer(`DROP DATABASE ${name}`);
    }
  });

  it('refuses what is no server', () => {
    expect(() => createTestKit({ server: 'sqlite:app.db' })).to.throw(TypeError, /postgres:\/\//);
  });
});

describe('the example of the test kit', function () {
  this.timeout(180_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-kit-'));
    mkdirSync(path.join(folder, 'migrations'));
    writeFileSync(
      path.join(folder, 'migrations/0001_shop.sql'),
      '-- migrate-safe:up\nCREATE TABLE products (id integer PRIMARY KEY, name text NOT NULL, stock integer NOT NULL);\n',
    );
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  for (const dialect of ['a file', 'a server'])
    it(`passes on ${dialect}`, async function () {
      if (dialect === 'a server') await freshDatabase(this).then((made) => made.drop());
      const server = dialect === 'a server' ? ((await testServer())?.url ?? '') : '';
      const file = path.resolve('.build/examples/snippets/testing-kit-test.js');
      const said = execFileSync(process.execPath, ['--test-reporter=tap', file], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, TEST_SERVER: server },
      });
      expect(said)
        .to.match(/^# pass 2$/m)
        .and.to.match(/^# fail 0$/m);
    });
});
