// A whole PostgreSQL database put back in one transaction: what it is afterwards, what stays, and what it is when that fails.
import { expect } from 'chai';
import { errAsync, okAsync, ResultAsync } from 'neverthrow';
import { readFileSync, writeFileSync } from 'node:fs';
import pg from 'pg';
import { link } from '#src/core/journal/chain.js';
import type { JournalTail } from '#src/core/ports/whole-restore.js';
import { cuttingProxy } from '../support/cutting-proxy.js';
import { damage, kitchenSink, sql } from '../support/kitchen-sink.js';
import { children, ENDED, RECORDING, restoreBench, type RestoreBench } from '../support/postgres-restore.js';
import { needsTools, testVersion } from '../support/postgres-version.js';
import { value } from '../support/project.js';

const KEPT =
  'SELECT id, feels::text, email::text, extra::text, pg_typeof(feels)::text AS type FROM migrate_safe_backup.people ORDER BY id';
const ROWS = 200_000;

describe('the restore of a whole PostgreSQL database', function () {
  this.timeout(120_000);
  let bench: RestoreBench;
  before(async function () {
    await needsTools(this);
  });
  beforeEach(async function () {
    bench = await restoreBench(this);
  });
  afterEach(() => bench.close());

  it('brings every kind of object back as it was, and keeps what was recorded since', async () => {
    await bench.sql(kitchenSink(true, await testVersion()));
    const before = await bench.text();
    const file = await bench.archive();
    await bench.append();
    await bench.sql(`CREATE SCHEMA migrate_safe_backup; CREATE TABLE migrate_safe_backup.people AS TABLE people`);
    const kept = await bench.sql(KEPT);
    await bench.sql(damage(true));
    expect(value(await bench.restore(file))).to.deep.equal({ rows: 509, kept: 'kept' });
    expect(await bench.text()).to.equal(before);
    const events = value(await bench.journal.read());
    expect(events.map(({ type }) => type)).to.deep.equal(['RunStarted', 'RunCompleted', 'RunCompleted']);
    expect(events[2]).to.deep.include({ actor: RECORDING.actor, data: ENDED.data });
    expect(await bench.sql(KEPT)).to.deep.equal(kept);
    const [analysed] = await bench.sql(`SELECT reltuples FROM pg_class WHERE relname = 'people'`);
    expect(analysed).to.deep.equal({ reltuples: 500 });
  });

  describe('leaves everything as it is', () => {
    let file: string;
    let before: string;
    beforeEach(async () => {
      await bench.sql(kitchenSink(true, await testVersion()));
      await bench.sql(`CREATE TABLE large AS SELECT n AS id, md5(n::text) AS text FROM generate_series(1, ${ROWS}) AS n;
        ALTER TABLE large ADD PRIMARY KEY (id)`);
      file = await bench.archive();
      await bench.sql(damage(true));
      await bench.sql('DELETE FROM large WHERE id % 2 = 0');
      before = await bench.text();
    });
    /** The same rows and objects, and nobody at work any more. */
    const unchanged = async (): Promise<void> => {
      expect(await bench.text()).to.equal(before);
      expect(value(await bench.journal.read())).to.have.length(1);
      const others = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'migrate-safe'`;
      expect(await bench.sql(others)).to.deep.equal([{ n: 1 }]);
      expect(children('psql')).to.deep.equal([]);
      expect(children('pg_restore')).to.deep.equal([]);
    };

    it('where the present state could not be kept', async () => {
      const failed = await bench.restore(file, { keep: () => errAsync('disk full') });
      expect(failed._unsafeUnwrapErr()).to.deep.equal({ kind: 'not-kept', error: 'disk full' });
      await unchanged();
    });

    for (const program of ['psql', 'pg_restore'] as const)
      for (const after of [0, 30, 150, 400])
        it(`where ${program} is killed ${after} ms after it began to write`, async function () {
          if (process.platform !== 'linux') return this.skip();
          let struck = false;
          const strike = (): void => {
            const [pid] = children(program);
            struck = pid !== undefined;
            if (pid !== undefined) process.kill(pid, 'SIGKILL');
          };
          const looking = setInterval(() => {
            if (children('pg_restore').length === 0) return;
            clearInterval(looking);
            setTimeout(strike, after);
          }, 1);
          const failed = await bench.restore(file);
          clearInterval(looking);
          // A fast machine may have been done before.
          if (!struck) return this.skip();
          expect(failed.isErr()).to.equal(true);
          await unchanged();
        });

    it('where its own connection is ended from outside', async () => {
      const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'migrate-safe' AND state LIKE 'idle in%'`;
      const keep = (): ResultAsync<string, string> =>
        ResultAsync.fromSafePromise(sql(bench.url, end)).map(() => 'kept');
      expect((await bench.restore(file, { keep }))._unsafeUnwrapErr().kind).to.equal('connection-lost');
      await unchanged();
    });

    it('where it is cancelled', async () => {
      const stop = new AbortController();
      const keep = (): ResultAsync<string, string> => {
        setTimeout(() => stop.abort(), 100);
        return okAsync('kept');
      };
      expect((await bench.restore(file, { keep, signal: stop.signal }))._unsafeUnwrapErr().kind).to.equal(
        'interrupted',
      );
      await unchanged();
    });

    it('where the archive is cut short, at any place', async () => {
      const whole = readFileSync(file);
      for (const part of [0.1, 0.5, 0.9, 0.999]) {
        writeFileSync(file, whole.subarray(0, Math.floor(whole.length * part)));
        expect((await bench.restore(file)).isErr(), `${part}`).to.equal(true);
        await unchanged();
      }
    });

    it('where bytes of the archive are not what was written', async () => {
      const bytes = readFileSync(file);
      for (let at = Math.floor(bytes.length * 0.6); at < bytes.length * 0.6 + 64; at++)
        bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      writeFileSync(file, bytes);
      expect((await bench.restore(file)).isErr()).to.equal(true);
      await unchanged();
    });

    it('where the journal does not end where it should, or its events cannot be written', async () => {
      const after = { position: 7, hash: 'x' };
      const stale = await bench.restore(file, { record: () => ({ after, events: [], steps: [] }) });
      expect(stale._unsafeUnwrapErr()).to.deep.equal({ kind: 'stale-journal', expected: 7, actual: 1 });
      await unchanged();
    });

    it('where somebody changes the schema while the present state is kept', async () => {
      const keep = (): ResultAsync<string, string> =>
        ResultAsync.fromSafePromise(sql(bench.url, 'CREATE TABLE public.made_meanwhile (a int)')).map(() => 'kept');
      expect((await bench.restore(file, { keep }))._unsafeUnwrapErr()).to.deep.equal({
        kind: 'schema-changed-meanwhile',
      });
      await bench.sql('DROP TABLE made_meanwhile');
      await unchanged();
    });

    it('where somebody stays in a transaction, who is named; readers wait for two seconds at most', async () => {
      const blocker = new pg.Client({ connectionString: bench.url, application_name: 'forgotten' });
      await blocker.connect();
      await blocker.query('BEGIN; SELECT * FROM public.people LIMIT 1');
      let longest = 0;
      let reading = true;
      const reader = (async (): Promise<void> => {
        while (reading) {
          const started = performance.now();
          await bench.sql('SELECT count(*) FROM public.people');
          longest = Math.max(longest, performance.now() - started);
        }
      })();
      const failed = (await bench.restore(file))._unsafeUnwrapErr();
      reading = false;
      await reader;
      await blocker.end();
      expect(failed.kind).to.equal('busy');
      expect(failed)
        .to.have.property('message')
        .that.matches(/process \d+ \(.*forgotten; idle in transaction/);
      expect(failed)
        .to.have.property('fix')
        .that.matches(/^SELECT pg_terminate_backend\(\d+\);$/);
      expect(longest).to.be.lessThan(3000);
      await unchanged();
    });
  });

  for (const cut of ['before', 'answer', 'late'] as const)
    it(`knows what became of it where the connection is cut at its COMMIT: ${cut}`, async () => {
      await bench.sql('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
      const file = await bench.archive();
      await bench.sql('INSERT INTO t VALUES (2)');
      const proxy = await cuttingProxy(bench.url);
      const after = value(await bench.journal.head());
      const record = (): JournalTail => {
        proxy.arm(1, cut);
        return { after, events: link(after, RECORDING, [ENDED]), steps: [] };
      };
      const done = await bench.restore(file, { record }, proxy.url);
      await proxy.close();
      expect(proxy.cuts()).to.equal(1);
      expect(done.isOk()).to.equal(cut === 'answer');
      expect(await bench.sql('SELECT id FROM t ORDER BY id')).to.deep.equal(
        cut === 'answer' ? [{ id: 1 }] : [{ id: 1 }, { id: 2 }],
      );
      expect(value(await bench.journal.read())).to.have.length(cut === 'answer' ? 2 : 1);
    });

  it('waits for those who end in time', async () => {
    await bench.sql('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
    const file = await bench.archive();
    const before = await bench.text();
    await bench.sql('INSERT INTO t VALUES (2)');
    const blocker = new pg.Client({ connectionString: bench.url });
    await blocker.connect();
    await blocker.query('BEGIN; SELECT * FROM public.t');
    setTimeout(() => void blocker.query('COMMIT'), 3000);
    value(await bench.restore(file));
    await blocker.end();
    expect(await bench.text()).to.equal(before);
  });

  it('lets nobody write while the present state is kept, and lets everybody read', async () => {
    await bench.sql('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
    const file = await bench.archive();
    let seen: unknown;
    const refused: unknown[] = [];
    const look = async (): Promise<string> => {
      seen = await bench.sql('SELECT * FROM t');
      for (const write of ['INSERT INTO t VALUES (2)', 'SELECT lo_create(0)'])
        refused.push(await bench.sql(`SET lock_timeout = '100ms'; ${write}`).catch((thrown: Error) => thrown.message));
      return 'kept';
    };
    value(await bench.restore(file, { keep: () => ResultAsync.fromSafePromise(look()) }));
    expect(seen).to.deep.equal([{ id: 1 }]);
    expect(refused).to.deep.equal(Array(2).fill('canceling statement due to lock timeout'));
  });

  it('tells the roles that the server lacks, with what makes them', async () => {
    const role = `migrate_safe_gone_${process.pid}`;
    await bench.sql(`CREATE ROLE ${role}; CREATE TABLE t (id int); GRANT SELECT ON t TO ${role}`);
    const file = await bench.archive();
    await bench.sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    const before = await bench.text();
    expect((await bench.restore(file))._unsafeUnwrapErr()).to.deep.equal({
      kind: 'roles-missing',
      roles: [role],
      create: `CREATE ROLE "${role}";`,
    });
    expect(await bench.text()).to.equal(before);
  });

  it('tells how many locks the server has to have room for', async () => {
    await bench.sql('CREATE TABLE t (id int)');
    const file = await bench.archive();
    await bench.sql(
      `DO $$ BEGIN FOR n IN 1..1500 LOOP EXECUTE 'CREATE TABLE many_' || n || ' (id serial PRIMARY KEY, t text)'; IF n % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$`,
    );
    const refused = (await bench.restore(file))._unsafeUnwrapErr();
    expect(refused).to.include({ kind: 'too-few-locks', setting: 64 });
    expect(refused).to.have.property('enough').that.is.greaterThan(64);
  });

  it('makes the journal anew where that is asked for, and where it is not there', async () => {
    await bench.sql('CREATE TABLE t (id int)');
    const file = await bench.archive();
    for (const gone of [
      '',
      'DROP TABLE migrate_safe.events; DROP TABLE migrate_safe.meta',
      'DROP SCHEMA migrate_safe CASCADE',
    ]) {
      const events = value(await bench.journal.read());
      if (gone !== '') await bench.sql(gone);
      const after = { position: 0, hash: '0'.repeat(64) };
      value(await bench.restore(file, { journal: 'anew', record: () => ({ after, events, steps: [] }) }));
      expect(value(await bench.journal.read())).to.deep.equal(events);
      expect(value(await bench.journal.glance())).to.include({ databaseId: 'd1', layout: 1 });
    }
  });
});
