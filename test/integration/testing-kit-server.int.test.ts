// The test kit on a server: what it makes ahead and drops later, what it is told of that, and what a killed process leaves.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Dao, defineTable } from 'migrate-safe/dao';
import { createTestKit, type FreshDatabase, type TestKit } from 'migrate-safe/testing';
import pg from 'pg';
import * as z from 'zod';
import { migrationsOf } from '../support/kit-steps.js';
import { freshDatabase, testServer } from '../support/postgres.js';
import { value } from '../support/project.js';

const Notes = defineTable('notes', { id: z.int(), text: z.string() }, { primaryKey: 'id' });
const steps = migrationsOf(() => undefined);

describe('the test kit on a server', function () {
  this.timeout(180_000);
  let server: string | undefined;
  let client: pg.Client;
  let kits: TestKit[];
  before(async function () {
    await freshDatabase(this).then((made) => made.drop());
    server = (await testServer())?.url;
    client = new pg.Client({ connectionString: server });
    await client.connect();
  });
  after(() => client?.end());
  beforeEach(() => (kits = []));
  afterEach(async () => {
    for (const kit of kits) await kit.close().catch(() => undefined);
  });
  const kitOf = (): TestKit => {
    const kit = createTestKit({
      server,
      steps,
      seed: (database) => new Dao(database, Notes).insert({ id: 1, text: 'seeded' }),
    });
    kits.push(kit);
    return kit;
  };
  const runOf = ({ url }: { readonly url: string }): string =>
    /migrate_safe_testing_([0-9a-f]{12})_/.exec(url)?.[1] ?? expect.fail(url);
  const templateOf = (fresh: FreshDatabase): string => `migrate_safe_testing_${runOf(fresh)}_template`;
  /** The databases of a run, its template included. */
  const countOf = async (run: string): Promise<number> => {
    const found = await client.query('SELECT FROM pg_database WHERE starts_with(datname, $1)', [
      `migrate_safe_testing_${run}_`,
    ]);
    return found.rowCount ?? 0;
  };
  const connectionsOf = async (run: string): Promise<number> => {
    const name = `migrate-safe-testing ${run}`;
    return (await client.query('SELECT FROM pg_stat_activity WHERE application_name = $1', [name])).rowCount ?? 0;
  };
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + 60_000; !(await holds()); await sleep(20))
      if (Date.now() > end) expect.fail(`never: ${what}`);
  };

  it('makes one ahead while a test works, and no second one where nobody waits', async () => {
    const kit = kitOf();
    const first = await kit.fresh();
    for (let taken = 1; taken < 6; taken += 1) {
      // The template, those that were taken, and one.
      await until('a spare', async () => (await countOf(runOf(first))) === taken + 2);
      expect(await connectionsOf(runOf(first))).to.equal(1);
      const next = await kit.fresh();
      await next.remove();
    }
    await until('a spare', async () => (await countOf(runOf(first))) === 8);
    await sleep(200);
    expect(await countOf(runOf(first))).to.equal(8);
    await first.remove();
    await kit.close();
    expect([await countOf(runOf(first)), await connectionsOf(runOf(first))]).to.deep.equal([0, 0]);
  });

  it('gives each of many tests in a row what the seed wrote, and nothing of the others', async () => {
    const kit = kitOf();
    const urls = new Set<string>();
    for (let id = 2; id < 9; id += 1) {
      const { url, database, remove } = await kit.fresh();
      urls.add(url);
      const notes = new Dao(database, Notes);
      expect(value(await notes.list())).to.deep.equal([{ id: 1, text: 'seeded' }]);
      value(await notes.insert({ id, text: 'of this test' }));
      value(await notes.update(1, { text: 'changed' }));
      await remove();
    }
    expect(urls.size).to.equal(7);
  });

  it('takes nothing from another kit, nor with it when it is closed', async () => {
    const [one, two] = [kitOf(), kitOf()];
    const four = (kit: TestKit): Promise<FreshDatabase[]> =>
      Promise.all([kit.fresh(), kit.fresh(), kit.fresh(), kit.fresh()]);
    const [ofOne, ofTwo] = await Promise.all([four(one), four(two)]);
    expect(new Set([...ofOne, ...ofTwo].map(({ url }) => url)).size).to.equal(8);
    for (const { remove } of [...ofOne, ...ofTwo]) await remove();
    await one.close();
    const more = await four(two);
    for (const { database } of more) expect(value(await new Dao(database, Notes).count())).to.equal(1);
    for (const { remove } of more) await remove();
    const [first] = more;
    await two.close();
    expect(await countOf(first === undefined ? '' : runOf(first))).to.equal(0);
  });

  it('says with the next call what failed meanwhile, and goes on when that is over', async () => {
    const kit = kitOf();
    const first = await kit.fresh();
    const template = templateOf(first);
    await until('a spare', async () => (await countOf(runOf(first))) === 3);
    await client.query(`ALTER DATABASE ${template} RENAME TO ${template}_away`);
    const spare = await kit.fresh();
    await sleep(300);
    const said = await kit.fresh().then(
      () => 'made',
      (error: Error) => error.message,
    );
    expect(said).to.match(/template.*does not exist/);
    await client.query(`ALTER DATABASE ${template}_away RENAME TO ${template}`);
    const third = await kit.fresh();
    expect(value(await new Dao(third.database, Notes).count())).to.equal(1);
    for (const { remove } of [first, spare, third]) await remove();
    await kit.close();
    expect(await countOf(runOf(first))).to.equal(0);
  });

  it('connects again when its connection was lost', async () => {
    const kit = kitOf();
    const first = await kit.fresh();
    await until('a spare', async () => (await countOf(runOf(first))) === 3);
    const name = `migrate-safe-testing ${runOf(first)}`;
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [name]);
    await until('the connection gone', async () => (await connectionsOf(runOf(first))) === 0);
    await sleep(100);
    const more = [await kit.fresh(), await kit.fresh()];
    expect(await connectionsOf(runOf(first))).to.equal(1);
    for (const { remove } of [first, ...more]) await remove();
    await kit.close();
    expect(await countOf(runOf(first))).to.equal(0);
  });

  it('removes the spares, too, of a process that was killed', async () => {
    const script = path.resolve('.build/test/support/testing-kit-child.js');
    const child = spawn(process.execPath, [script, server ?? '', 'wait'], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      const [said] = (await once(child.stdout, 'data')) as [Buffer];
      const run = runOf({ url: said.toString() });
      // Its template, the two that it took, and a spare.
      await until('a spare', async () => (await countOf(run)) >= 4);
      child.kill('SIGKILL');
      await once(child, 'exit');
      await until('the connection gone', async () => (await connectionsOf(run)) === 0);
      expect(await countOf(run)).to.be.greaterThanOrEqual(4);
      const next = kitOf();
      await (await next.fresh()).remove();
      expect(await countOf(run)).to.equal(0);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
