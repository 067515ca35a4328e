// The lease: the run lock where sessions are shared. One holder, renewed while held, replaced when dead, refused when late.
import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, MigrationStep } from 'migrate-safe';
import pg from 'pg';
import type { Lease, LockOwner } from '#src/core/ports/run-lock.js';
import { lockFor } from '#src/dao/dialects/postgres/choose-lock.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { lockIsHeld } from '#src/dao/dialects/postgres/lock-held.js';
import { LeaseLock } from '#src/dao/dialects/postgres/lease-lock.js';
import { PostgresLock } from '#src/dao/dialects/postgres/postgres-lock.js';
import { owner } from '../support/lock-owner.js';
import { poolerFor, type Pooler } from '../support/pgbouncer.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { startScript, until } from '../support/processes.js';
import { value } from '../support/project.js';

const waiting = (waitMs: number, onWaiting: (holder: LockOwner | undefined) => void = () => undefined) => ({
  waitMs,
  signal: new AbortController().signal,
  onWaiting,
});
const LEASE_MS = 1000;

describe('the lease on PostgreSQL', () => {
  let database: TestDatabase;
  let opened: PostgresConnection[] = [];
  const connect = async (url = database.url): Promise<PostgresConnection> => {
    const connection = value(await PostgresConnection.connect(pg, { connectionString: url }));
    opened.push(connection);
    return connection;
  };
  const written = async (): Promise<unknown> => value(await (await connect()).all('SELECT v FROM public.written'));
  const take = async (lock: LeaseLock): Promise<Lease> => value(await lock.acquire(owner('up'), waiting(20_000)));

  beforeEach(async function () {
    database = await freshDatabase(this);
    value(await (await connect()).run('CREATE TABLE public.written (v text)'));
  });
  afterEach(async () => {
    for (const connection of opened) value(await connection.close());
    opened = [];
    await database.drop();
  });

  it('is kept for longer than it lasts, while the work connection is busy for longer than that', async () => {
    const work = await connect();
    const lock = new LeaseLock(work, 'test', LEASE_MS);
    const lease = await take(lock);
    value(await work.run('BEGIN'));
    value(await lock.fence());
    const busy = work.run('SELECT pg_sleep(2.5)');
    const second = await new LeaseLock(await connect(), 'test', LEASE_MS).acquire(owner('up'), waiting(2000));
    expect(second.isErr() && second.error.kind).to.equal('locked');
    value(await busy);
    value(await work.run(`INSERT INTO public.written VALUES ('first')`));
    value(await work.run('COMMIT'));
    value(await work.run('BEGIN'));
    value(await lock.fence());
    value(await work.run('COMMIT'));
    value(await lease.release());
    expect(await written()).to.deep.equal([{ v: 'first' }]);
  });

  it('is kept while a transaction is open and nothing is asked in it', async () => {
    const work = await connect();
    const lock = new LeaseLock(work, 'test', LEASE_MS);
    const lease = await take(lock);
    value(await work.run('BEGIN'));
    value(await lock.fence());
    value(await work.run(`INSERT INTO public.written VALUES ('slow')`));
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS * 2.5));
    value(await work.run('COMMIT'));
    value(await lease.release());
    expect(await written()).to.deep.equal([{ v: 'slow' }]);
  });

  it('is kept for longer than it lasts between two transactions', async () => {
    const lock = new LeaseLock(await connect(), 'test', LEASE_MS);
    const lease = await take(lock);
    const second = await new LeaseLock(await connect(), 'test', LEASE_MS).acquire(owner('up'), waiting(2500));
    expect(second.isErr() && second.error.kind).to.equal('locked');
    value(await lease.release());
  });

  it('is not taken while a transaction of its holder is open, and refused to it as soon as it is', async () => {
    const work = await connect();
    const outside = await connect();
    const lock = new LeaseLock(work, 'test', 60_000);
    const lease = await take(lock);
    value(await work.run('BEGIN'));
    value(await lock.fence());
    value(await outside.run('UPDATE migrate_safe.lock SET expires_at = to_timestamp(0)'));
    const next = new LeaseLock(await connect(), 'test', 60_000);
    const early = await next.acquire(owner('up'), waiting(300));
    expect(early.isErr() && early.error.kind).to.equal('locked');
    value(await work.run('COMMIT'));
    const taken = await take(next);
    value(await work.run('BEGIN'));
    const refused = await lock.fence();
    expect(refused.isErr() && refused.error.code).to.equal('lease-lost');
    value(await work.run('ROLLBACK'));
    // What the late one does not hold it does not let go of.
    value(await lease.release());
    expect(value(await outside.all('SELECT token, expires_at > now() AS held FROM migrate_safe.lock'))).to.deep.equal([
      { token: 2, held: true },
    ]);
    value(await taken.release());
  });

  it('goes to the next one when its holder is killed, once it has run out', async () => {
    const holder = startScript('postgres-lock-holder.js', [database.url, 'keep', String(LEASE_MS)]);
    await until(() => holder.out().includes('held'));
    holder.child.kill('SIGKILL');
    await holder.ended;
    const killed = Date.now();
    const seen: (LockOwner | undefined)[] = [];
    const lock = new LeaseLock(await connect(), 'test', LEASE_MS);
    const lease = value(
      await lock.acquire(
        owner('up'),
        waiting(20_000, (other) => void seen.push(other)),
      ),
    );
    expect(Date.now() - killed).to.be.lessThan(LEASE_MS + 1500);
    expect(seen[0]).to.deep.include({ pid: holder.child.pid, host: 'elsewhere', doing: 'applying 0003 purge' });
    value(await lease.release());
  });

  for (const where of ['between', 'inside'] as const) {
    it(`refuses a holder that stood still ${where === 'inside' ? 'inside a transaction' : 'between two'} and comes back too late`, async () => {
      const sleeper = startScript('postgres-lease-sleeper.js', [database.url, where, String(LEASE_MS)]);
      await until(() => sleeper.out().includes('ready'));
      sleeper.child.kill('SIGSTOP');
      const work = await connect();
      const lock = new LeaseLock(work, 'test', LEASE_MS);
      const lease = await take(lock);
      value(await work.run('BEGIN'));
      value(await lock.fence());
      value(await work.run(`INSERT INTO public.written VALUES ('next')`));
      value(await work.run('COMMIT'));
      sleeper.child.kill('SIGCONT');
      sleeper.child.kill('SIGUSR2');
      const { out, err } = await sleeper.ended;
      expect(err).to.equal('');
      const told = JSON.parse(out.split('\n')[1] ?? '') as string[];
      expect(told.at(-1)).to.equal('retake: other lease-lost');
      if (where === 'between') expect(told[1]).to.equal('fence: other lease-lost');
      else expect(told.find((line) => line.startsWith('commit'))).to.match(/^commit: connection-lost /);
      // The row is the next one's still, though the sleeper let go of its own.
      value(await work.run('BEGIN'));
      value(await lock.fence());
      value(await work.run('ROLLBACK'));
      value(await lease.release());
      expect(await written()).to.deep.equal([{ v: 'next' }]);
    });
  }

  it('waits, after the connection was lost, for what the old one had open', async () => {
    const work = await connect();
    const lock = new LeaseLock(work, 'test');
    const lease = await take(lock);
    const old = await connect();
    // Stands for the server process that still commits what it was last told.
    value(await old.run('BEGIN'));
    value(await old.run('SELECT name FROM migrate_safe.lock FOR KEY SHARE'));
    value(await old.run(`INSERT INTO public.written VALUES ('committed late')`));
    setTimeout(() => void old.run('COMMIT'), 400);
    value(await work.reconnect());
    value(await lock.retake());
    expect(value(await work.all('SELECT v FROM public.written'))).to.deep.equal([{ v: 'committed late' }]);
    value(await lease.release());
  });

  it('is not needed where the server keeps a lock itself', async () => {
    expect(lockFor(await connect(), 'test')).to.be.instanceOf(PostgresLock);
  });

  describe('behind PgBouncer in transaction mode', () => {
    let pooler: Pooler;
    beforeEach(async function () {
      pooler = await poolerFor(this, database.url);
    });
    afterEach(() => pooler?.stop());

    it('is what a connection through it is given', async () => {
      const connection = await connect(pooler.url);
      expect(connection.isPooled).to.equal(true);
      expect(lockFor(connection, 'test')).to.be.instanceOf(LeaseLock);
    });

    it('is looked at by who only wants to know', async () => {
      const work = await connect(pooler.url);
      expect(value(await lockIsHeld(work))).to.equal(false);
      const lease = await take(new LeaseLock(work, 'test', LEASE_MS));
      expect(value(await lockIsHeld(await connect(pooler.url)))).to.equal(true);
      value(await lease.release());
      expect(value(await lockIsHeld(work))).to.equal(false);
    });

    it('lets 8 starters work one after the other', async function () {
      this.timeout(60_000);
      const work = await connect();
      value(await work.run('CREATE TABLE public.counted AS SELECT 0 AS n'));
      const all = await Promise.all(
        Array.from({ length: 8 }, () => startScript('postgres-lock-holder.js', [pooler.url]).ended),
      );
      expect(all.map(({ code, err }) => ({ code, err }))).to.deep.equal(all.map(() => ({ code: 0, err: '' })));
      expect(value(await work.all('SELECT n FROM public.counted'))).to.deep.equal([{ n: 8 }]);
    });

    it('works under the settings of the engine, and leaves none of them to others', async () => {
      const shown = `SELECT current_setting('search_path') AS path, current_setting('synchronous_commit') AS lasting,
        coalesce(current_setting('client_connection_check_interval', true), '500ms') AS checked,
        coalesce(current_setting('idle_session_timeout', true), '0') AS idle,
        coalesce(current_setting('transaction_timeout', true), '0') AS limited`;
      const stranger = new pg.Client({ connectionString: pooler.url });
      await stranger.connect();
      const before = (await stranger.query(shown)).rows;
      const connection = await connect(pooler.url);
      const own = [{ path: '', lasting: 'on', checked: '500ms', idle: '0', limited: '0' }];
      expect(value(await connection.all(shown))).to.deep.equal(own);
      value(await connection.run('BEGIN'));
      expect(value(await connection.all(shown))).to.deep.equal(own);
      value(await connection.run('SAVEPOINT s'));
      value(await connection.run('ROLLBACK TO SAVEPOINT s'));
      expect(value(await connection.all(shown))).to.deep.equal(own);
      value(await connection.run('COMMIT'));
      value(await connection.run('CREATE INDEX CONCURRENTLY written_v ON public.written (v)'));
      expect((await connection.run('SELECT nothing')).isErr()).to.equal(true);
      expect(value(await connection.all(shown))).to.deep.equal(own);
      // Every server process of the pool, each held by a transaction of its own.
      const strangers = [stranger];
      while (strangers.length < 3) {
        const another = new pg.Client({ connectionString: pooler.url });
        await another.connect();
        strangers.push(another);
      }
      for (const one of strangers) await one.query('BEGIN');
      for (const one of strangers) expect((await one.query(shown)).rows).to.deep.equal(before);
      for (const one of strangers) await one.end();
    });

    it('knows which server process a transaction is in, and lets it set what it begins with', async () => {
      const connection = await connect(pooler.url);
      const others = [await connect(pooler.url), await connect(pooler.url)];
      for (const one of [...others, connection]) {
        value(await one.run(`BEGIN; SET LOCAL search_path = public; SET LOCAL lock_timeout = '7s'`));
        expect(
          value(
            await one.all(`SELECT pg_backend_pid() AS pid, current_setting('search_path') AS path,
              current_setting('lock_timeout') AS patience, current_setting('synchronous_commit') AS lasting`),
          ),
        ).to.deep.equal([{ pid: one.processId, path: 'public', patience: '7s', lasting: 'on' }]);
      }
      for (const one of [...others, connection]) value(await one.run('ROLLBACK'));
    });

    it('is what a whole run works under, with steps inside and outside of a transaction, and leaves the pool as it was', async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-pooled-'));
      const shown = `SELECT current_setting('search_path') AS path, current_setting('lock_timeout') AS patience`;
      const stranger = await connect();
      const before = value(await stranger.query(`SHOW lock_timeout`)).rows;
      const safe = createMigrateSafe({
        database: pooler.url,
        backups: folder,
        fileBackup: 'never',
        guard: 'off',
        steps: [
          new MigrationStep(1, 'rows', { apply: (knex) => knex.raw(`INSERT INTO written VALUES ('a'), ('b')`) }),
          new MigrationStep(2, 'index', {
            transaction: 'none',
            apply: (knex) => knex.raw('CREATE INDEX CONCURRENTLY written_v ON written (v)'),
            isDone: (knex) => knex.raw(`SELECT 1 FROM pg_indexes WHERE indexname = 'written_v'`),
          }),
        ],
      });
      value(await safe.stamp('base'));
      expect(value(await safe.up()).applied.map(({ version }) => version)).to.deep.equal(['1', '2']);
      value(await safe.audit());
      value(await safe.close());
      rmSync(folder, { recursive: true, force: true });
      expect(await written()).to.deep.equal([{ v: 'a' }, { v: 'b' }]);
      const index = await connect();
      expect(
        value(await index.all(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.written_v'::regclass`)),
      ).to.deep.equal([{ indisvalid: true }]);
      const clients = await Promise.all(
        Array.from({ length: 3 }, async () => {
          const client = new pg.Client({ connectionString: pooler.url });
          await client.connect();
          await client.query('BEGIN');
          return client;
        }),
      );
      for (const client of clients) {
        expect((await client.query(shown)).rows).to.deep.equal([{ path: '"$user", public', patience: '0' }]);
        await client.end();
      }
      expect(before).to.deep.equal([{ lock_timeout: '5s' }]);
    });

    it('refuses a holder that stood still inside a transaction', async () => {
      const sleeper = startScript('postgres-lease-sleeper.js', [pooler.url, 'inside', String(LEASE_MS)]);
      await until(() => sleeper.out().includes('ready'));
      sleeper.child.kill('SIGSTOP');
      const work = await connect(pooler.url);
      const lock = new LeaseLock(work, 'test', LEASE_MS);
      const lease = await take(lock);
      value(await work.run(`INSERT INTO public.written VALUES ('next')`));
      sleeper.child.kill('SIGCONT');
      sleeper.child.kill('SIGUSR2');
      const { out, err } = await sleeper.ended;
      expect(err).to.equal('');
      expect((JSON.parse(out.split('\n')[1] ?? '') as string[]).at(-1)).to.equal('retake: other lease-lost');
      value(await lease.release());
      expect(await written()).to.deep.equal([{ v: 'next' }]);
    });
  });
});
