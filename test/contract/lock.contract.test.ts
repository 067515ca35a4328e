// The run lock, the same on every database: one holder, a card for those who wait, and gone with its process.
import { expect } from 'chai';
import pg from 'pg';
import type { LockOwner, RunLock } from '#src/core/ports/run-lock.js';
import { loadDriver } from '#src/dao/dialects/sqlite/drivers/load-driver.js';
import { SqliteLock } from '#src/dao/dialects/sqlite/sqlite-lock.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { LeaseLock } from '#src/dao/dialects/postgres/lease-lock.js';
import { PostgresLock } from '#src/dao/dialects/postgres/postgres-lock.js';
import { owner } from '../support/lock-owner.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { startScript, until } from '../support/processes.js';
import { project, value, type Driver } from '../support/project.js';

/** Makes locks of one database; each is another starter's. */
interface Place {
  lock(): Promise<RunLock>;
  remove(): Promise<void>;
}
interface Subject {
  readonly name: string;
  open(test: Mocha.Context): Promise<Place>;
}

const sqlite = (name: Driver): Subject => ({
  name,
  open: () => {
    const p = project(name);
    return Promise.resolve({
      lock: () => Promise.resolve(new SqliteLock(value(loadDriver(name, true)), p.file)),
      remove: () => Promise.resolve(p.remove()),
    });
  },
});

const postgres = (name: string, make: (connection: PostgresConnection) => RunLock): Subject => ({
  name,
  open: async (test) => {
    const database = await freshDatabase(test);
    const connections: PostgresConnection[] = [];
    return {
      lock: async () => {
        const connection = value(await PostgresConnection.connect(pg, { connectionString: database.url }));
        connections.push(connection);
        return make(connection);
      },
      remove: async () => {
        for (const connection of connections) value(await connection.close());
        await database.drop();
      },
    };
  },
});
const advisory = postgres('PostgreSQL', (connection) => new PostgresLock(connection, 'test'));
const leased = postgres('PostgreSQL, by a lease', (connection) => new LeaseLock(connection, 'test'));

for (const subject of [sqlite('sqlite3'), sqlite('better-sqlite3'), advisory, leased]) {
  describe(`the run lock (${subject.name})`, () => {
    let place: Place;
    beforeEach(async function () {
      place = await subject.open(this);
    });
    afterEach(() => place.remove());

    const waiting = (waitMs: number, signal = new AbortController().signal) => {
      const seen: (LockOwner | undefined)[] = [];
      return {
        seen,
        options: { waitMs, signal, onWaiting: (holder: LockOwner | undefined) => void seen.push(holder) },
      };
    };

    it('is had by one at a time, and says by whom', async () => {
      const lease = value(await (await place.lock()).acquire(owner('up'), waiting(0).options));
      lease.announce('applying 0003 purge');
      const { seen, options } = waiting(300);
      const second = await (await place.lock()).acquire(owner('up'), options);
      expect(second.isErr() && second.error.kind).to.equal('locked');
      expect(seen.at(-1)).to.deep.include({ pid: process.pid, host: 'here', doing: 'applying 0003 purge' });
      if (second.isErr() && second.error.kind === 'locked') expect(second.error.waitedMs).to.be.at.least(300);
      value(await lease.release());
    });

    it('is had by the next once it is let go', async () => {
      const lease = value(await (await place.lock()).acquire(owner('up'), waiting(0).options));
      const next = (await place.lock()).acquire(owner('down'), waiting(10_000).options);
      setTimeout(() => void lease.release(), 100);
      value(await value(await next).release());
    });

    it('is no longer waited for once the wait is cancelled', async () => {
      const lease = value(await (await place.lock()).acquire(owner('up'), waiting(0).options));
      const aborting = new AbortController();
      setTimeout(() => aborting.abort(), 100);
      const second = await (await place.lock()).acquire(owner('up'), waiting(60_000, aborting.signal).options);
      expect(second.isErr() && second.error.kind).to.equal('cancelled');
      value(await lease.release());
    });
  });
}

describe('the run lock on PostgreSQL, among processes', () => {
  let database: TestDatabase;
  const query = async (sql: string): Promise<pg.QueryResult<{ n: number }>> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return await client.query(sql);
    } finally {
      await client.end();
    }
  };
  beforeEach(async function () {
    database = await freshDatabase(this);
    await query('CREATE TABLE counted AS SELECT 0 AS n');
  });
  afterEach(() => database.drop());

  it('lets 8 starters work one after the other', async function () {
    this.timeout(60_000);
    const all = await Promise.all(
      Array.from({ length: 8 }, () => startScript('postgres-lock-holder.js', [database.url]).ended),
    );
    expect(all.map(({ code, err }) => ({ code, err }))).to.deep.equal(all.map(() => ({ code: 0, err: '' })));
    expect((await query('SELECT n FROM counted')).rows).to.deep.equal([{ n: 8 }]);
  });

  it('goes with a process that is killed, and told before who has it', async () => {
    const holder = startScript('postgres-lock-holder.js', [database.url, 'keep']);
    await until(() => holder.out().includes('held'));
    const connection = value(await PostgresConnection.connect(pg, { connectionString: database.url }));
    const seen: (LockOwner | undefined)[] = [];
    const acquired = new PostgresLock(connection, 'test').acquire(owner('up'), {
      waitMs: 20_000,
      signal: new AbortController().signal,
      onWaiting: (other) => {
        seen.push(other);
        holder.child.kill('SIGKILL');
      },
    });
    value(await value(await acquired).release());
    expect(seen[0]).to.deep.include({ pid: holder.child.pid, host: 'elsewhere', doing: 'applying 0003 purge' });
    value(await connection.close());
    await holder.ended;
  });
});
