// Steps that do what a step must not do: each is found out, nothing of it stays, and the next run works.
import { expect } from 'chai';
import BetterSqlite3 from 'better-sqlite3';
import knexFactory from 'knex';
import { MigrationStep, type StepDefinition } from 'migrate-safe';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

for (const driver of DRIVERS) {
  describe(`a step that misbehaves (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write({
        '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL UNIQUE); INSERT INTO t VALUES (1, 'a'), (2, 'b');`,
      });
      value(await p.manager().up());
    });
    afterEach(() => p.remove());

    const run = async (definition: StepDefinition) => {
      const before = p.dump();
      const safe = p.manager();
      safe.addMigration(new MigrationStep(2, 'misbehaves', definition));
      const outcome = await safe.up();
      expect(p.dump(), 'the database afterwards').to.equal(before);
      value(await p.manager().audit());
      return failure(outcome);
    };

    it('may throw what is no Error', async () => {
      for (const thrown of ['a text', 42, null, undefined, { code: 'X' }, Symbol('s')]) {
        const error = await run({
          apply: () => {
            throw thrown;
          },
        });
        expect(error).to.include({ kind: 'step-failed', state: 'rolled-back', exitCode: 1 });
        expect(error.message).to.be.a('string').and.not.equal('');
      }
    });

    it('is ended after its time when it never resolves', async () => {
      const error = await run({
        apply: async (knex) => {
          await knex('t').insert({ id: 3, v: 'c' });
          await new Promise(() => undefined);
        },
        timeoutMs: 150,
      });
      expect(error).to.include({ kind: 'step-timeout', code: 'MS-STEP-TIMEOUT' });
    });

    for (const sql of ['COMMIT', 'ROLLBACK', 'END', 'BEGIN', "ATTACH ':memory:' AS other"]) {
      it(`is stopped at ${sql}`, async () => {
        const error = await run({
          apply: async (knex) => {
            await knex('t').insert({ id: 3, v: 'c' });
            await knex.raw(sql).catch(() => undefined);
            await knex('t')
              .insert({ id: 4, v: 'd' })
              .catch(() => undefined);
          },
        });
        expect(error).to.include({ kind: 'step-ended-transaction' });
        expect(error.message).to.contain(sql);
      });
    }

    it('cannot lose its transaction to ON CONFLICT ROLLBACK and go on', async () => {
      const error = await run({
        apply: async (knex) => {
          await knex('t').insert({ id: 3, v: 'c' });
          await knex.raw(`INSERT OR ROLLBACK INTO t VALUES (4, 'a')`).catch(() => undefined);
          await knex('t')
            .insert({ id: 5, v: 'e' })
            .catch(() => undefined);
        },
      });
      expect(error.state).to.equal('rolled-back');
    });

    it('is found out when it writes through a connection of its own', async () => {
      const error = await run({
        apply: async () => {
          const own = knexFactory({ client: driver, connection: { filename: p.file }, useNullAsDefault: true });
          try {
            await own.raw('PRAGMA busy_timeout = 50');
            await own('t').insert({ id: 3, v: 'c' });
          } finally {
            await own.destroy();
          }
        },
      });
      expect(error).to.include({ kind: 'step-foreign-connection', code: 'MS-STEP-CONNECTION' });
    });

    it('is not told to go without a transaction for what is refused there as well', async () => {
      for (const transaction of ['own', 'none'] as const) {
        const error = await run({ transaction, apply: (knex) => knex.raw("ATTACH ':memory:' AS other") });
        expect(error.kind).to.equal('step-ended-transaction');
        expect(`${error.message} ${error.hint}`).not.to.contain('transaction');
      }
    });

    it('cannot use its handle after it has ended', async () => {
      let late: Promise<unknown> = Promise.resolve();
      const safe = p.manager();
      safe.addMigration(
        new MigrationStep(2, 'late', {
          apply: (knex) => {
            late = new Promise((resolve) => setTimeout(resolve, 300)).then(() => knex('t').insert({ id: 9, v: 'z' }));
          },
        }),
      );
      value(await safe.up());
      const outcome = await late.then(
        () => 'went through',
        (error: Error) => error.message,
      );
      expect(outcome).to.contain('the step has ended');
      expect(p.rows('SELECT count(*) AS n FROM t')).to.deep.equal([{ n: 2 }]);
    });

    it('is not taken for done where a statement that it did not await came too late, and was hushed up', async () => {
      p.sql('CREATE TABLE child (id INTEGER PRIMARY KEY); INSERT INTO child VALUES (1), (2);');
      value(await p.manager({ steps: [] }).stamp('base'));
      const steps = [
        new MigrationStep(1, 'hushed', {
          declares: { mayLoseRows: ['child'] },
          apply: (knex) => {
            knex('child')
              .del()
              .then(
                () => undefined,
                () => undefined,
              );
          },
        }),
      ];
      const outcome = await p.manager({ steps }).up();
      // Whether it came in time or not: what is recorded as applied is done.
      expect(p.rows('SELECT * FROM child')).to.have.length(outcome.isOk() ? 0 : 2);
      if (outcome.isErr()) expect(outcome.error).to.include({ kind: 'step-ended-transaction', state: 'rolled-back' });
    });

    it('leaves no setting behind for the next step', async () => {
      const safe = p.manager();
      const seen: unknown[] = [];
      safe.addMigration(
        new MigrationStep(2, 'settings', {
          apply: async (knex) => {
            await knex.raw('PRAGMA ignore_check_constraints = ON');
            await knex.raw('PRAGMA recursive_triggers = ON');
          },
        }),
      );
      safe.addMigration(
        new MigrationStep(3, 'after', {
          apply: async (knex) => {
            seen.push(await knex.raw('PRAGMA ignore_check_constraints'), await knex.raw('PRAGMA recursive_triggers'));
          },
        }),
      );
      value(await safe.up());
      expect(seen).to.deep.equal([[{ ignore_check_constraints: 0 }], [{ recursive_triggers: 0 }]]);
    });

    it('runs every statement of a raw call, not only the first', async () => {
      const safe = p.manager();
      safe.addMigration(
        new MigrationStep(2, 'two', {
          apply: (knex) => knex.raw(`INSERT INTO t VALUES (3, 'c'); INSERT INTO t VALUES (4, 'd');`),
        }),
      );
      value(await safe.up());
      expect(p.rows('SELECT count(*) AS n FROM t')).to.deep.equal([{ n: 4 }]);
    });

    it('is refused by its own check', async () => {
      const error = await run({
        apply: (knex) => knex('t').insert({ id: 3, v: 'c' }),
        validate: async (knex) => (await knex('t').count({ n: '*' }))[0]?.['n'] === 2,
      });
      expect(error).to.include({ kind: 'validation-failed', state: 'rolled-back' });
    });

    it('stops when it is cancelled, and goes on at the next start', async () => {
      const controller = new AbortController();
      const safe = p.manager();
      safe.addMigration(
        new MigrationStep(2, 'long', {
          apply: async (knex) => {
            await knex('t').insert({ id: 3, v: 'c' });
            controller.abort();
            await new Promise((resolve) => setTimeout(resolve, 50));
          },
        }),
      );
      const before = p.dump();
      expect(failure(await safe.up({ signal: controller.signal }))).to.include({ kind: 'cancelled', exitCode: 130 });
      expect(p.dump()).to.equal(before);
      value(await safe.up());
      expect(p.rows('SELECT count(*) AS n FROM t')).to.deep.equal([{ n: 3 }]);
    });

    it('names file, line and statement of an SQL error', async () => {
      p.write({ '0002_fails.up.sql': `INSERT INTO t VALUES (3, 'c');\n\nINSERT INTO nowhere\n  VALUES (1);\n` });
      const before = p.dump();
      const error = failure(await p.manager().up());
      expect(error).to.include({
        kind: 'step-failed',
        message: 'no such table: nowhere',
        near: 'nowhere',
        state: 'rolled-back',
      });
      expect(error.step).to.include({ version: '0002', line: 3 });
      expect(error.step?.statement).to.equal('INSERT INTO nowhere\n  VALUES (1)');
      expect(p.dump()).to.equal(before);
    });

    it('does not lose a row that somebody else writes between backup and step', async () => {
      const safe = p.manager();
      let written = false;
      // The backup reports progress while it is taken: another process writes just then.
      safe.onProgress((progress) => {
        if (progress.kind !== 'backup-taken' || written) return;
        written = true;
        const other = new BetterSqlite3(p.file);
        other.prepare(`INSERT INTO t VALUES (50, 'from outside')`).run();
        other.close();
      });
      safe.addMigration(new MigrationStep(2, 'adds', { apply: (knex) => knex('t').insert({ id: 3, v: 'c' }) }));
      if (driver === 'better-sqlite3') return;
      const report = value(await safe.up());
      expect(report.applied[0]?.effects.tables).to.deep.equal({ t: { inserted: 1, updated: 0, deleted: 0 } });
      const { backups } = value(await safe.listBackups());
      const copy = new BetterSqlite3(backups[0]?.file ?? '', { readonly: true });
      expect(copy.prepare('SELECT count(*) AS n FROM t').get()).to.deep.equal({ n: 3 });
      copy.close();
    });
  });
}

for (const driver of DRIVERS) {
  it(`reports a statement that cannot be prepared, whatever kind it is (${driver})`, async () => {
    const p = project(driver);
    for (const apply of [
      (knex: Parameters<Extract<StepDefinition['apply'], (...args: never[]) => unknown>>[0]) =>
        knex('nowhere').insert({ a: 1 }),
      (knex: Parameters<Extract<StepDefinition['apply'], (...args: never[]) => unknown>>[0]) =>
        knex('nowhere').update({ a: 1 }),
      (knex: Parameters<Extract<StepDefinition['apply'], (...args: never[]) => unknown>>[0]) => knex('nowhere').del(),
    ]) {
      const safe = p.manager();
      safe.addMigration(new MigrationStep(1, 'nowhere', { apply }));
      expect(failure(await safe.up())).to.include({ kind: 'step-failed', near: 'nowhere' });
    }
    p.remove();
  });
}

for (const driver of DRIVERS) {
  describe(`a step that goes on after it has ended (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write({
        '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT); INSERT INTO t (v) VALUES ('a'), ('b'), ('c');`,
      });
      value(await p.manager().up());
    });
    afterEach(() => p.remove());
    const count = (): number => (p.rows('SELECT count(*) AS n FROM t')[0] as { n: number }).n;
    /** Inserts as fast as it can, and does not stop by itself. */
    const flood = (
      knex: Parameters<Extract<StepDefinition['apply'], (...args: never[]) => unknown>>[0],
    ): Promise<void> =>
      (async () => {
        for (;;) await Promise.all(Array.from({ length: 20 }, () => knex('t').insert({ v: 'flood' })));
      })().catch(() => undefined);

    it('is not taken for done, and has nothing of it committed', async () => {
      const safe = p.manager();
      safe.addMigration(
        new MigrationStep(2, 'detached', {
          apply: (knex) => {
            void flood(knex);
            return new Promise((resolve) => setTimeout(resolve, 40));
          },
        }),
      );
      const error = failure(await safe.up());
      expect(error).to.include({ kind: 'step-ended-transaction', state: 'rolled-back' });
      expect(error.message).to.contain('came after the step had ended');
      expect(error.hint).to.contain('Await every promise');
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(count()).to.equal(3);
    });

    it('has nothing of it left where one of many statements at once ends the transaction by itself', async () => {
      const safe = p.manager();
      safe.addMigration(
        new MigrationStep(2, 'many at once', {
          apply: (knex) =>
            Promise.allSettled([
              knex.raw(`INSERT OR ROLLBACK INTO t (id, v) VALUES (1, 'again')`),
              ...Array.from({ length: 20 }, () => knex('t').insert({ v: 'flood' })),
            ]),
        }),
      );
      expect(failure(await safe.up())).to.include({ kind: 'step-failed', state: 'rolled-back' });
      expect(count()).to.equal(3);
    });

    it('has nothing of it left when its time was up', async () => {
      for (let i = 0; i < 5; i++) {
        const safe = p.manager();
        safe.addMigration(new MigrationStep(2, 'too long', { apply: flood, timeoutMs: 60 + i * 7 }));
        expect(failure(await safe.up())).to.include({ kind: 'step-timeout' });
        await new Promise((resolve) => setTimeout(resolve, 30));
        expect(count()).to.equal(3);
      }
      value(await p.manager().audit());
    });

    it('may only read in its own check', async () => {
      const safe = p.manager();
      safe.addMigration(
        new MigrationStep(2, 'writes in its check', {
          apply: (knex) => knex('t').insert({ v: 'd' }),
          validate: async (knex) => {
            await knex('t')
              .del()
              .catch(() => undefined);
            return true;
          },
        }),
      );
      expect(failure(await safe.up())).to.include({ kind: 'step-ended-transaction', state: 'rolled-back' });
      expect(count()).to.equal(3);
    });

    it('never gives out a number of AUTOINCREMENT twice, also after a rebuild', async () => {
      p.sql('DELETE FROM t WHERE id = 3');
      const safe = p.manager();
      safe.addMigration(
        new MigrationStep(2, 'rebuild', {
          apply: (knex) => knex.schema.alterTable('t', (t) => void t.string('v', 9).notNullable().alter()),
        }),
      );
      value(await safe.up());
      p.sql(`INSERT INTO t (v) VALUES ('next')`);
      expect(p.rows(`SELECT id FROM t WHERE v = 'next'`)).to.deep.equal([{ id: 4 }]);
    });
  });
}
