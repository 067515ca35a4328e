// The journal's tables, the same on every database: appended to and read back as written, closed to everything else.
import { expect } from 'chai';
import type { ResultAsync } from 'neverthrow';
import pg from 'pg';
import type { StoredEvent } from '#src/core/events/envelope.js';
import type { AppliedStep } from '#src/core/history/history.js';
import { findBreak } from '#src/core/journal/chain.js';
import type { Session, SqlError } from '#src/core/ports/session.js';
import { JournalDao, type JournalTables } from '#src/dao/system/journal-dao.js';
import { loadDriver } from '#src/dao/dialects/sqlite/drivers/load-driver.js';
import { raiseLayout as raiseSqlite } from '#src/dao/dialects/sqlite/layout.js';
import { SQLITE_TABLES } from '#src/dao/dialects/sqlite/system-tables.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { raiseLayout as raisePostgres } from '#src/dao/dialects/postgres/layout.js';
import { POSTGRES_TABLES } from '#src/dao/dialects/postgres/system-tables.js';
import { applied, recorded, run, started } from '../support/journal-facts.js';
import { freshDatabase } from '../support/postgres.js';
import { project, value, type Driver } from '../support/project.js';

interface Subject {
  readonly name: string;
  readonly tables: JournalTables;
  readonly raise: (session: Session) => ResultAsync<void, SqlError>;
  open(test: Mocha.Context): Promise<{ connect(): Promise<Session>; remove(): Promise<void> }>;
}

const sqlite = (name: Driver): Subject => ({
  name,
  tables: SQLITE_TABLES,
  raise: raiseSqlite,
  open: () => {
    const p = project(name);
    return Promise.resolve({
      connect: async () => value(await value(loadDriver(name, true)).connect(p.file, 'create', { busyWaitMs: 5000 })),
      remove: () => Promise.resolve(p.remove()),
    });
  },
});
const postgres: Subject = {
  name: 'PostgreSQL',
  tables: POSTGRES_TABLES,
  raise: raisePostgres,
  open: async (test) => {
    const database = await freshDatabase(test);
    return {
      connect: async () => value(await PostgresConnection.connect(pg, { connectionString: database.url })),
      remove: () => database.drop(),
    };
  },
};

for (const subject of [sqlite('sqlite3'), sqlite('better-sqlite3'), postgres]) {
  describe(`the journal's tables (${subject.name})`, () => {
    let session: Session;
    let other: Session;
    let remove: () => Promise<void>;
    let journal: JournalDao;

    beforeEach(async function () {
      const opened = await subject.open(this);
      remove = opened.remove;
      session = await opened.connect();
      other = await opened.connect();
      value(await subject.raise(session));
      journal = new JournalDao(session, subject.tables);
    });
    afterEach(async () => {
      value(await session.close());
      value(await other.close());
      await remove();
    });

    const facts = (): StoredEvent[] => recorded(run('r1', started('up', ['1', '2']), applied('1'), applied('2')));
    const step = (version: string, position: number): AppliedStep => ({
      component: 'main',
      version,
      description: `it's "step" ${version} — ü ☃`,
      checksum: `sha256:${'a'.repeat(64)}`,
      state: 'applied',
      appliedAt: '2026-01-01T00:00:00.000Z',
      durationMs: 12,
      position,
    });

    it('give back what was written, to the letter', async () => {
      value(await journal.append(facts()));
      const read = value(await journal.read());
      expect(read).to.deep.equal(facts());
      expect(findBreak(read)).to.equal(undefined);
      expect(value(await journal.read(2)).map(({ position }) => position)).to.deep.equal([3]);
      expect(value(await journal.head())).to.deep.equal({ position: 3, hash: facts()[2]?.hash });
    });

    it('are glanced at in one statement: id, layout, head and steps', async () => {
      expect(value(await journal.glance())).to.deep.include({ databaseId: '', layout: 1, headType: '', steps: [] });
      value(await journal.identify('abc'));
      value(await journal.identify('abc'));
      value(await journal.append(facts()));
      value(await journal.project([], [step('1', 2), step('2', 3)]));
      const glance = value(await journal.glance());
      expect(glance).to.deep.include({ databaseId: 'abc', headType: 'StepApplied' });
      expect(glance.head.position).to.equal(3);
      expect(glance.steps.toSorted((a, b) => a.position - b.position)).to.deep.equal([step('1', 2), step('2', 3)]);
    });

    it('keep the projection by its differences', async () => {
      const [one, two, three] = [step('1', 2), step('2', 3), step('3', 4)];
      value(await journal.project([], [one, two]));
      value(await journal.project([one, two], [two, three]));
      expect(
        value(await journal.projection())
          .map(({ version }) => version)
          .toSorted(),
      ).to.deep.equal(['2', '3']);
      value(await journal.rewriteProjection([one]));
      expect(value(await journal.projection())).to.deep.equal([one]);
    });

    it('refuse an event out of turn, a change and a removal', async () => {
      value(await journal.append(facts()));
      const [first, second] = facts();
      for (const event of [first, { ...first, position: 5 }, { ...second, position: 0 }])
        expect((await journal.append([event as StoredEvent])).isErr()).to.equal(true);
      for (const sql of [`UPDATE ${subject.tables.events} SET type = 'x'`, `DELETE FROM ${subject.tables.events}`]) {
        const outcome = await session.run(sql);
        expect(outcome.isErr() && outcome.error.message).to.contain('append-only');
      }
      expect(value(await journal.read())).to.deep.equal(facts());
    });

    it('are seen by others once they are committed, and not before', async () => {
      const elsewhere = new JournalDao(other, subject.tables);
      value(await session.run('BEGIN'));
      value(await journal.append(facts()));
      expect(value(await elsewhere.head())).to.deep.include({ position: 0 });
      value(await session.run('COMMIT'));
      expect(value(await elsewhere.head())).to.deep.include({ position: 3 });
    });

    it('are raised again without harm', async () => {
      value(await journal.append(facts()));
      value(await subject.raise(session));
      expect(value(await journal.read())).to.have.length(3);
    });
  });
}
