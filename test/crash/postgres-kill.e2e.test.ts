// kill -9 of the process that migrates, and of the server under it, at random instants beside a writer: afterwards nothing
// acknowledged is missing, one plain start ends in the right state, and no step has run twice. KILLS says how many: of each
// kind 10 by default, 100 in the soak.
import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, type SafeMigrationManager } from 'migrate-safe';
import pg from 'pg';
import { poolerFor, type Pooler } from '../support/pgbouncer.js';
import { binaries, makeCluster, type Cluster } from '../support/postgres-cluster.js';
import type { PostgresCrashOrder } from '../support/postgres-crash-child.js';
import {
  ALL,
  CRASH_START,
  expectedItems,
  expectedParts,
  postgresCrashSteps,
  TRACED,
} from '../support/postgres-crash-steps.js';
import { startScript, until, type Ended } from '../support/processes.js';
import { value } from '../support/project.js';

const KILLS = Math.ceil(Number(process.env['KILLS'] ?? 20) / 2);
const LINGER_MS = 40;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('kill -9 while a run is going on, on PostgreSQL', () => {
  let cluster: Cluster | undefined;
  before(async function () {
    this.timeout(60_000);
    const folder = binaries();
    if (folder === undefined) {
      if (process.env['CI'] !== undefined) throw new Error('there are no programs of PostgreSQL to crash a server of');
      process.stderr.write(
        'SKIPPED: there are no programs of PostgreSQL to crash a server of (PG_BIN names their folder)\n',
      );
      return this.skip();
    }
    cluster = await makeCluster(folder);
    await cluster.start();
  });
  after(() => cluster?.remove());

  /** A database of its own, begun from here. */
  interface Place {
    readonly url: string;
    readonly order: string;
    rows(sql: string): Promise<readonly Record<string, unknown>[]>;
    manager(): SafeMigrationManager;
    remove(): Promise<void>;
  }
  let databases = 0;

  async function fresh(server: Cluster): Promise<Place> {
    const name = `crash_${++databases}`;
    const query = async (on: string, sql: string): Promise<readonly Record<string, unknown>[]> => {
      const client = new pg.Client({ connectionString: on });
      await client.connect();
      try {
        const answer = await client.query<Record<string, unknown>>(sql);
        return answer.rows;
      } finally {
        await client.end();
      }
    };
    await query(server.url, `CREATE DATABASE ${name}`);
    const to = new URL(server.url);
    to.pathname = `/${name}`;
    const url = to.href;
    const backups = mkdtempSync(path.join(tmpdir(), 'migrate-safe-crash-'));
    const manager = (): SafeMigrationManager =>
      createMigrateSafe({ database: url, backups, steps: postgresCrashSteps(0), fileBackup: 'never' });
    await query(url, CRASH_START);
    const first = manager();
    value(await first.stamp('base'));
    value(await first.close());
    return {
      url,
      order: JSON.stringify({ url, backups, lingerMs: LINGER_MS } satisfies PostgresCrashOrder),
      rows: (sql) => query(url, sql),
      manager,
      remove: async () => {
        await query(server.url, `DROP DATABASE ${name} WITH (FORCE)`);
        rmSync(backups, { recursive: true, force: true });
      },
    };
  }

  /** A run that never ends is killed, and shows in what it said until then. */
  async function endOf({ child, ended }: ReturnType<typeof startScript>): Promise<Ended> {
    const patience = setTimeout(() => child.kill('SIGKILL'), 90_000);
    const end = await ended;
    clearTimeout(patience);
    return end;
  }

  /** `strike` does harm while the run is going on; it ends when the run can be waited for. */
  async function struckRun(strike: (run: ReturnType<typeof startScript>) => Promise<void>): Promise<Ended> {
    if (cluster === undefined) throw new Error('there is no server');
    const place = await fresh(cluster);
    try {
      const writer = startScript('postgres-outside-writer.js', [place.url]);
      let ended: Ended;
      try {
        await until(() => writer.out().includes('\n'));
        const run = startScript('postgres-crash-child.js', [place.order]);
        await until(() => run.out().includes('started'));
        await strike(run);
        ended = await endOf(run);
        // One plain start, with the writer still writing.
        const again = await endOf(startScript('postgres-crash-child.js', [place.order]));
        expect(again.code, `${ended.out}${ended.err}\n${again.out}${again.err}`).to.equal(0);
      } finally {
        writer.child.kill('SIGTERM');
      }
      const { out, err } = await writer.ended;
      expect(err).to.equal('');
      await verify(
        place,
        out.split('\n').filter((line) => line !== ''),
        ended,
      );
      await place.remove();
      return ended;
    } catch (error) {
      throw new Error(`${place.url}: ${(error as Error).message}`, { cause: error });
    }
  }

  async function verify(place: Place, acknowledged: readonly string[], ended: Ended): Promise<void> {
    const outside = (await place.rows('SELECT v FROM outside ORDER BY id')).map(({ v }) => v);
    expect(new Set(outside).size, 'rows of the writer, each once').to.equal(outside.length);
    const there = new Set(outside);
    expect(
      acknowledged.filter((text) => !there.has(text)),
      'acknowledged rows that are missing',
    ).to.deep.equal([]);
    expect(acknowledged).to.have.length.greaterThan(0);
    expect(await place.rows('SELECT version, times FROM ran ORDER BY version')).to.deep.equal(
      TRACED.map((version) => ({ version, times: 1 })),
    );
    const texts = async (sql: string): Promise<unknown> => (await place.rows(sql)).map(({ text }) => text);
    expect(await texts(`SELECT concat_ws('|', id, name, amount) AS text FROM items ORDER BY id`)).to.deep.equal(
      expectedItems(),
    );
    expect(await texts(`SELECT concat_ws('|', item_id, v) AS text FROM parts ORDER BY id`)).to.deep.equal(
      expectedParts(),
    );
    expect(
      await place.rows(`SELECT column_name FROM information_schema.columns WHERE table_name = 'items'`),
    ).to.have.length(3);
    expect(await place.rows('SELECT n FROM slow')).to.deep.equal([{ n: 1 }]);
    expect(await place.rows(`SELECT indexname FROM pg_indexes WHERE indexname = 'parts_v'`)).to.have.length(1);
    const safe = place.manager();
    const { events } = value(await safe.audit());
    const history = value(await safe.history());
    const told = `of ${events} events: ${history.map(({ type }) => type).join(' ')}\n${ended.out}`;
    expect(
      history.filter(({ type }) => type === 'StepApplied').map(({ data }) => data['version']),
      told,
    ).to.deep.equal(ALL);
    expect(value(await safe.status()), told).to.include({ pending: 0, current: ALL.at(-1) });
    value(await safe.close());
  }

  /** How long a run takes that nobody disturbs. */
  async function undisturbedMs(): Promise<number> {
    let started = 0;
    const { code, out, err } = await struckRun(async () => void (started = Date.now()));
    expect(code, out + err).to.equal(0);
    return Date.now() - started;
  }

  /** 8 starters of one database, directly or through what `through` makes of its URL. */
  async function startEight(through: (url: string) => Promise<string>): Promise<void> {
    if (cluster === undefined) throw new Error('there is no server');
    const place = await fresh(cluster);
    const order = JSON.stringify({ ...(JSON.parse(place.order) as object), url: await through(place.url) });
    await place.rows(`INSERT INTO outside (v) VALUES ('x')`);
    const all = await Promise.all(
      Array.from({ length: 8 }, () => endOf(startScript('postgres-crash-child.js', [order]))),
    );
    const answers = all.map(({ out, err, code }) => {
      expect(err).to.equal('');
      expect(code, out).to.equal(0);
      return (JSON.parse(out.split('\n')[1] ?? '') as { applied: readonly string[] }).applied;
    });
    expect(answers.filter((applied) => applied.length === ALL.length)).to.deep.equal([ALL]);
    expect(answers.filter((applied) => applied.length === 0)).to.have.length(7);
    const [one = { code: null, signal: null, out: '', err: '' }] = all;
    await verify(place, ['x'], one);
    await place.remove();
  }

  it('starts 8 processes at once: exactly one applies, the others wait and find nothing to do', async function () {
    this.timeout(120_000);
    await startEight((url) => Promise.resolve(url));
  });

  it('does so through a transaction pooler too', async function () {
    this.timeout(120_000);
    const poolers: Pooler[] = [];
    try {
      await startEight(async (url) => {
        const pooler = await poolerFor(this, url, 20);
        poolers.push(pooler);
        return pooler.url;
      });
    } finally {
      for (const pooler of poolers) await pooler.stop();
    }
  });

  it(`loses nothing and runs no step twice when the client is killed: ${KILLS} times`, async function () {
    this.timeout(60_000 + KILLS * 20_000);
    const durationMs = await undisturbedMs();
    let killed = 0;
    for (let i = 0; i < KILLS; i++) {
      const afterMs = ((i + Math.random()) / KILLS) * durationMs;
      const ended = await struckRun(async ({ child }) => {
        await pause(afterMs);
        child.kill('SIGKILL');
      });
      if (ended.signal === 'SIGKILL') killed += 1;
      else expect(ended.code, `after ${afterMs} ms: ${ended.out}${ended.err}`).to.equal(0);
    }
    expect(killed).to.be.greaterThan(KILLS / 3);
  });

  it(`loses nothing and runs no step twice when the server is killed: ${KILLS} times`, async function () {
    this.timeout(60_000 + KILLS * 20_000);
    const durationMs = await undisturbedMs();
    let struck = 0;
    for (let i = 0; i < KILLS; i++) {
      const afterMs = ((i + Math.random()) / KILLS) * durationMs;
      const ended = await struckRun(async () => {
        await pause(afterMs);
        await cluster?.crash();
        await pause(Math.random() * 200);
        await cluster?.start();
      });
      // The run has found out by itself what was committed, and either went on or said what had failed.
      expect(ended.err, `after ${afterMs} ms`).to.equal('');
      expect(ended.code, `after ${afterMs} ms: ${ended.out}`).to.be.oneOf([0, 1]);
      if (ended.code === 1) struck += 1;
    }
    expect(struck).to.be.greaterThan(KILLS / 5);
  });
});
