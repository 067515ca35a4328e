// The knex handle of a step in code, the same on every database: what it streams arrives, what fails says so and never hangs.
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect } from 'chai';
import { createMigrateSafe, MigrationStep, type MigrateError, type StepHandle } from 'migrate-safe';
import type { Result } from 'neverthrow';
import { freshDatabase } from '../support/postgres.js';
import { failure, project, value, type Driver } from '../support/project.js';

interface Subject {
  readonly name: string;
  open(test: Mocha.Context): Promise<{ readonly database: string; remove(): Promise<void> }>;
}

const sqlite = (name: Driver): Subject => ({
  name,
  open: () => {
    const p = project(name);
    return Promise.resolve({
      database: `sqlite:${p.file}?driver=${name}`,
      remove: () => Promise.resolve(p.remove()),
    });
  },
});
const postgres: Subject = {
  name: 'PostgreSQL',
  open: async (test) => {
    const { url, drop } = await freshDatabase(test);
    return { database: url, remove: drop };
  },
};

interface Row {
  readonly id: number;
}

for (const subject of [sqlite('sqlite3'), sqlite('better-sqlite3'), postgres]) {
  describe(`the handle of a step (${subject.name})`, () => {
    let opened: Awaited<ReturnType<Subject['open']>>;
    let backups: ReturnType<typeof project>;
    beforeEach(async function () {
      opened = await subject.open(this);
      backups = project();
    });
    afterEach(async () => {
      backups?.remove();
      await opened?.remove();
    });

    /** Runs `apply` as a step, behind one that makes a table of 1000 rows. */
    const step = async (apply: (knex: StepHandle) => Promise<unknown>): Promise<Result<unknown, MigrateError>> => {
      const safe = createMigrateSafe({ database: opened.database, backups: backups.backups, fileBackup: 'never' });
      safe.addMigration(
        new MigrationStep(1, 'rows', {
          apply: async (knex) => {
            await knex.schema.createTable('t', (table) => void table.integer('id').primary());
            const rows = Array.from({ length: 1000 }, (_, at) => ({ id: at + 1 }));
            for (let at = 0; at < 1000; at += 250) await knex('t').insert(rows.slice(at, at + 250));
          },
        }),
      );
      safe.addMigration(new MigrationStep(2, 'it', { apply, declares: { touches: ['t'], mayLoseRows: ['t'] } }));
      const outcome = await safe.up();
      value(await safe.close());
      return outcome;
    };
    const idOf = (row: unknown): number => (row as Row).id;

    it('streams rows to who iterates, and lets go of the rest where that one stops', async () => {
      const all: number[] = [];
      const some: number[] = [];
      value(
        await step(async (knex) => {
          for await (const row of knex('t').select('id').orderBy('id').stream()) {
            all.push(idOf(row));
            // What is read is read already: the step can write meanwhile.
            if (idOf(row) % 250 === 0) await knex('t').insert({ id: 1000 + idOf(row) });
          }
          for await (const row of knex('t').orderBy('id').stream()) if (some.push(idOf(row)) === 3) break;
          await knex('t').insert({ id: 5000 });
        }),
      );
      expect(all).to.deep.equal(Array.from({ length: 1000 }, (_, at) => at + 1));
      expect(some).to.deep.equal([1, 2, 3]);
    });

    it('pipes rows into a stream that is slower than it', async () => {
      const taken: number[] = [];
      const slow = (): Writable =>
        new Writable({
          objectMode: true,
          highWaterMark: 1,
          write: (row, _encoding, done) => {
            taken.push(idOf(row));
            setImmediate(done);
          },
        });
      value(
        await step(async (knex) => {
          await pipeline(knex('t').where('id', '<=', 60).stream(), slow());
          const last = knex('t').where('id', '>', 900).pipe(slow());
          await new Promise((resolve, reject) => last.on('finish', resolve).on('error', reject));
          await knex.transaction(async (trx) => {
            for await (const row of trx('t').where('id', 77).stream()) taken.push(idOf(row));
          });
        }),
      );
      expect(taken).to.have.length(161);
    });

    const rows = async (work: (knex: StepHandle) => Promise<unknown>): Promise<readonly number[]> => {
      let found: readonly number[] = [];
      value(
        await step(async (knex) => {
          await knex('t').del();
          await work(knex);
          found = (await knex('t').select('id').orderBy('id')).map(idOf);
        }),
      );
      return found;
    };
    const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const not = (knex: StepHandle, id: number, ms = 20): Promise<unknown> =>
      knex
        .transaction(async (trx) => {
          await trx('t').insert({ id });
          await pause(ms);
          throw new Error('not this one');
        })
        .catch(() => undefined);

    it('keeps what one transaction did where another that was begun beside it is rolled back', async () => {
      expect(
        await rows((knex) =>
          Promise.all([
            not(knex, 1),
            knex.transaction((trx) => trx('t').insert({ id: 2 })),
            not(knex, 3),
            knex('t').insert({ id: 4 }),
            knex.batchInsert('t', [{ id: 7 }, { id: 8 }], 1),
            knex.transaction(async (trx) => {
              await Promise.all([
                trx.transaction((inner) => inner('t').insert({ id: 5 })),
                trx
                  .transaction((inner) =>
                    inner('t')
                      .insert({ id: 6 })
                      .then(() => Promise.reject(new Error('no'))),
                  )
                  .catch(() => undefined),
              ]);
            }),
          ]),
        ),
      ).to.deep.equal([2, 4, 5, 7, 8]);
    });

    it('takes what is done in the function of a transaction for a part of it, by whatever handle', async () => {
      expect(
        await rows((knex) =>
          knex
            .transaction(async (trx) => {
              await trx('t').insert({ id: 1 });
              await knex('t').insert({ id: 2 });
              await knex.transaction((inner) => inner('t').insert({ id: 3 }));
              await not(knex, 4);
              expect(await trx('t').count('* as n')).to.have.length(1);
              throw new Error('none of them');
            })
            .catch((error: Error) => expect(error.message).to.equal('none of them')),
        ),
      ).to.deep.equal([]);
    });

    it('lets code end a transaction by hand, and begins no other beside it', async () => {
      expect(
        await rows(async (knex) => {
          const trx = await knex.transaction();
          await trx('t').insert({ id: 1 });
          await knex('t').insert({ id: 2 });
          const said = await knex.transaction((other) => other('t').insert({ id: 3 })).then(String, String);
          expect(said).to.include('begin this one from it (trx.transaction)');
          await trx.transaction((inner) => inner('t').insert({ id: 4 }));
          await trx.commit();
          await knex.transaction((other) => other('t').insert({ id: 5 }));
          const next = await knex.transaction();
          await next('t').insert({ id: 6 });
          await next.rollback();
        }),
      ).to.deep.equal([1, 2, 4, 5]);
    });

    for (const [how, read] of [
      [
        'who iterates',
        async (knex: StepHandle): Promise<void> => {
          for await (const row of knex('nowhere').stream()) expect.fail(String(row));
        },
      ],
      [
        'who pipes',
        (knex: StepHandle): Promise<unknown> =>
          new Promise((resolve, reject) => {
            const into = new Writable({ objectMode: true, write: (_row, _encoding, done) => done() });
            knex('nowhere').pipe(into).on('finish', resolve).on('error', reject);
          }),
      ],
    ] as const)
      it(`tells ${how} that a stream has failed`, async () => {
        const error = failure(await step(read));
        expect(error.kind).to.equal('step-failed');
        expect(error).to.have.nested.property('cause.message').that.includes('nowhere');
      });
  });
}
