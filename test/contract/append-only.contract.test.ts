// An append-only table on every engine: a chain that only grows, and that says where it was touched.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe, MigrationStep } from 'migrate-safe';
import {
  AppendOnlyDao,
  appendOnlyGuards,
  appendOnlyStep,
  Dao,
  defineAppendOnlyTable,
  defineTable,
  openDatabase,
  openReadOnlyDatabase,
  ReadOnlyAppendOnlyDao,
} from 'migrate-safe/dao';
import { err, ok } from 'neverthrow';
import * as z from 'zod';
import { ENGINES, type Opened } from '../support/app-databases.js';
import { ChainOfCustody, CUSTODY_SCHEMA } from '../support/chain-of-custody.js';
import { startScript } from '../support/processes.js';
import { value } from '../support/project.js';

const FULL = {
  evidence_id: 7,
  action: 'received',
  actor: `O'Brien "the ü"`,
  weight: 0.1 + 0.2,
  value: '-7.5',
  serial: 2n ** 63n - 1n,
  sealed: false,
  photo: new Uint8Array([0, 255, 39]),
  details: { b: [1e-7, null, 'x'], a: { z: 1, y: 5e-324 } },
  at: new Date('2026-01-31T23:59:59.123Z'),
} as const;
const plain = (evidence_id: number) => ({ evidence_id, action: 'examined', actor: 'ann' }) as const;

for (const engine of ENGINES)
  describe(`an append-only DAO on ${engine.name}`, () => {
    let opened: Opened;
    let custody: AppendOnlyDao<typeof ChainOfCustody>;
    const guards = appendOnlyGuards(ChainOfCustody, engine.dialect);
    beforeEach(async function () {
      opened = await engine.open(this, CUSTODY_SCHEMA, { now: () => new Date('2026-02-01T00:00:00.000Z') });
      for (const sql of guards.apply) await opened.sql(sql);
      custody = new AppendOnlyDao(opened.database, ChainOfCustody);
    });
    afterEach(() => opened?.remove());
    /** As somebody does who owns the table. */
    const tamper = async (...statements: readonly string[]): Promise<void> => {
      for (const sql of [...guards.revert, ...statements]) await opened.sql(sql);
    };
    const broken = async (): Promise<unknown> => {
      const { position, problem } = (await custody.verify())._unsafeUnwrapErr() as unknown as Record<string, unknown>;
      return [position, problem];
    };

    it('links each row to the one before it', async () => {
      expect(value(await custody.verify())).to.deep.equal({ position: 0, hash: '0'.repeat(64) });
      const first = value(await custody.append(FULL));
      expect(first).to.deep.include({ ...FULL, value: '-7.50', position: 1, previous_hash: '0'.repeat(64) });
      const second = value(await custody.append(plain(8)));
      expect(second).to.include({ position: 2, previous_hash: first.hash, sealed: true, weight: null });
      expect(second.at).to.deep.equal(new Date('2026-02-01T00:00:00.000Z'));
      const end = value(await custody.appendMany([FULL, plain(9), { ...plain(10), weight: 1e300 }]));
      expect(end.position).to.equal(5);
      expect(value(await custody.head())).to.deep.equal(end);
      expect(value(await custody.verify({ noted: end }))).to.deep.equal(end);
      expect(value(await custody.get(2))).to.deep.equal(second);
    });

    it('walks through more rows than it reads at once', async () => {
      const end = value(await custody.appendMany(Array.from({ length: 1203 }, (_, at) => plain(at))));
      expect(end.position).to.equal(1203);
      await tamper(`UPDATE chain_of_custody SET actor = 'eve' WHERE position = 1001`);
      expect(await broken()).to.deep.equal([1001, 'edited']);
    });

    it('is verified by an auditor who can write nothing', async () => {
      const end = value(await custody.appendMany([plain(1), plain(2), plain(3)]));
      const audited = openReadOnlyDatabase({ database: opened.url });
      const auditor = new ReadOnlyAppendOnlyDao(audited, ChainOfCustody);
      expect(value(await auditor.head())).to.deep.equal(end);
      expect(value(await auditor.verify({ noted: end }))).to.deep.equal(end);
      expect(auditor).not.to.have.property('append');
      await tamper(`UPDATE chain_of_custody SET actor = 'eve' WHERE position = 2`);
      expect((await auditor.verify())._unsafeUnwrapErr()).to.include({ kind: 'chain-broken', position: 2 });
      value(await audited.close());
    });

    it('says where a row was edited, taken out, put in, moved or added behind it', async () => {
      value(await custody.appendMany([1, 2, 3, 4, 5, 6].map(plain)));
      const noted = value(await custody.head());
      await tamper();
      const columns = `evidence_id, action, actor, sealed, at, previous_hash, hash`;
      for (const [statements, undo, expected] of [
        [
          [`UPDATE chain_of_custody SET evidence_id = 9 WHERE position = 3`],
          [`UPDATE chain_of_custody SET evidence_id = 3 WHERE position = 3`],
          [3, 'edited'],
        ],
        [
          [`UPDATE chain_of_custody SET weight = 0 WHERE position = 3`],
          [`UPDATE chain_of_custody SET weight = NULL WHERE position = 3`],
          [3, 'edited'],
        ],
        [
          [`UPDATE chain_of_custody SET position = -5 WHERE position = 5`],
          [`UPDATE chain_of_custody SET position = 5 WHERE position = -5`],
          [-5, 'out-of-order'],
        ],
        [
          [`UPDATE chain_of_custody SET position = 0 WHERE position = 2`],
          [`UPDATE chain_of_custody SET position = 2 WHERE position = 0`],
          [0, 'out-of-order'],
        ],
        [
          [
            `UPDATE chain_of_custody SET position = -2 WHERE position = 2`,
            `UPDATE chain_of_custody SET position = 2 WHERE position = 4`,
            `UPDATE chain_of_custody SET position = 4 WHERE position = -2`,
          ],
          [
            `UPDATE chain_of_custody SET position = -2 WHERE position = 4`,
            `UPDATE chain_of_custody SET position = 4 WHERE position = 2`,
            `UPDATE chain_of_custody SET position = 2 WHERE position = -2`,
          ],
          [2, 'edited'],
        ],
        [
          [
            `INSERT INTO chain_of_custody (position, ${columns}) SELECT 7, ${columns} FROM chain_of_custody WHERE position = 6`,
          ],
          [`DELETE FROM chain_of_custody WHERE position = 7`],
          [7, 'edited'],
        ],
        [[`DELETE FROM chain_of_custody WHERE position = 4`], [], [4, 'missing']],
      ] as const) {
        for (const sql of statements) await opened.sql(sql);
        expect(await broken(), statements.join('; ')).to.deep.equal(expected);
        for (const sql of undo) await opened.sql(sql);
      }
      await opened.sql(`DELETE FROM chain_of_custody WHERE position >= 4`);
      expect(value(await custody.verify()).position).to.equal(3);
      expect((await custody.verify({ noted }))._unsafeUnwrapErr()).to.include({
        kind: 'chain-broken',
        table: 'chain_of_custody',
        position: 4,
        problem: 'missing',
        message: 'chain_of_custody: row 4 is not there',
      });
      // A chain that was written anew behind the cut fits together; only who noted its head knows.
      value(await custody.appendMany([7, 8, 9].map(plain)));
      expect(value(await custody.verify()).position).to.equal(6);
      expect((await custody.verify({ noted }))._unsafeUnwrapErr()).to.include({ position: 6, problem: 'edited' });
    });

    it('takes what cannot be read any more for an edit', async () => {
      value(await custody.appendMany([FULL, FULL]));
      await tamper(
        engine.dialect === 'sqlite'
          ? `UPDATE chain_of_custody SET details = 'no JSON' WHERE position = 2`
          : `UPDATE chain_of_custody SET weight = 'NaN' WHERE position = 2`,
      );
      expect(await broken()).to.deep.equal([2, 'edited']);
    });

    it('is kept by the database against whoever goes past the DAO', async () => {
      value(await custody.appendMany([1, 2, 3].map(plain)));
      const row = (position: string): string =>
        `INTO chain_of_custody (position, evidence_id, action, actor, sealed, at, previous_hash, hash)
         VALUES (${position}, 1, 'received', 'eve', ${engine.dialect === 'sqlite' ? '1' : 'true'}, '2026-01-01T00:00:00.000Z', '', '')`;
      for (const sql of [
        `UPDATE chain_of_custody SET actor = 'eve' WHERE position = 1`,
        `DELETE FROM chain_of_custody`,
        `INSERT ${row('2')}`,
        `INSERT ${row('5')}`,
        `INSERT ${row('0')}`,
        ...(engine.dialect === 'sqlite'
          ? [
              `INSERT OR REPLACE ${row('2')}`,
              `REPLACE ${row('1')}`,
              `INSERT ${row('NULL')}`,
              `UPDATE OR IGNORE chain_of_custody SET actor = 'eve'`,
              `UPDATE OR REPLACE chain_of_custody SET position = 1 WHERE position = 2`,
            ]
          : [
              `TRUNCATE chain_of_custody`,
              `INSERT ${row('2')} ON CONFLICT (position) DO UPDATE SET actor = 'eve'`,
              `WITH gone AS (DELETE FROM chain_of_custody RETURNING 1) SELECT * FROM gone`,
            ]),
      ])
        expect(
          await opened.sql(sql).then(
            () => 'done',
            () => 'refused',
          ),
          sql,
        ).to.equal('refused');
      expect(value(await custody.verify()).position).to.equal(3);
    });

    it('does not fork while four processes append to it', async function () {
      this.timeout(60_000);
      const appenders = ['a', 'b', 'c', 'd'].map((actor) => startScript('appender.js', [opened.url, actor, '8']).ended);
      for (const { code, err: said } of await Promise.all(appenders)) expect(code, said).to.equal(0);
      expect(value(await custody.verify()).position).to.equal(32);
      expect(value(await custody.count({ where: { actor: 'c' } }))).to.equal(8);
    });

    it('does not fork in units of work side by side, whatever their isolation', async () => {
      const others = openDatabase({ database: opened.url });
      const theirs = new AppendOnlyDao(others, ChainOfCustody);
      const outcomes = await Promise.all(
        (['read-committed', 'repeatable-read', 'serializable'] as const).flatMap((isolation) =>
          [opened.database, others].map((database) =>
            database.unitOfWork.run(
              async () => {
                const dao = database === others ? theirs : custody;
                value(await dao.count());
                return (await dao.append(plain(1))).andThen(() => ok(undefined));
              },
              { isolation, attempts: 20 },
            ),
          ),
        ),
      );
      for (const outcome of outcomes) value(outcome);
      expect(value(await custody.verify()).position).to.equal(6);
      value(await others.close());
    });

    it('belongs to the unit of work that it is called in', async () => {
      const outcome = await opened.database.unitOfWork.run(async () => {
        value(await custody.append(plain(1)));
        return err({ kind: 'no' as const });
      });
      expect(outcome._unsafeUnwrapErr()).to.deep.equal({ kind: 'no' });
      expect(value(await custody.append(plain(2))).position).to.equal(1);
      expect(value(await custody.verify()).position).to.equal(1);
    });

    it('does not let a type of a column change what was hashed', async () => {
      await tamper('DROP TABLE chain_of_custody');
      const [ddl = ''] = CUSTODY_SCHEMA[engine.dialect];
      await opened.sql(
        ddl.replace('weight REAL', 'weight INTEGER').replace('float8', 'float4').replace('actor TEXT', 'actor INTEGER'),
      );
      const odd = { ...plain(1), weight: 0.1 + 0.2, actor: '007' };
      expect((await custody.append(odd))._unsafeUnwrapErr().message).to.contain('would keep row 1 otherwise');
      expect((await custody.appendMany([plain(1), odd]))._unsafeUnwrapErr().message).to.contain(
        'would keep row 2 otherwise',
      );
      expect(value(await custody.count())).to.equal(0);
    });

    it('says which row and column of many cannot be appended', async () => {
      const wrong = await custody.appendMany([plain(1), { ...plain(2), details: { n: 1n } }] as never);
      expect(wrong._unsafeUnwrapErr()).to.deep.include({ kind: 'invalid-row', direction: 'write' });
      for (const given of [{ position: 9 }, { hash: '' }, { previous_hash: 'x' }, { weight: NaN }])
        expect((await custody.append({ ...plain(1), ...given }))._unsafeUnwrapErr().kind).to.equal('invalid-row');
      expect(value(await custody.count())).to.equal(0);
    });
  });

for (const engine of ENGINES)
  describe(`the guards of an append-only table on ${engine.name}`, () => {
    it('are made and taken back by a step, under any name', async function () {
      const Odd = defineAppendOnlyTable(`it's ? "odd" $1 ${'x'.repeat(40)}`, { note: z.string() });
      const name = `"${Odd.name.replaceAll('"', '""')}"`;
      const type = engine.dialect === 'sqlite' ? 'INTEGER' : 'bigint';
      const ddl = `CREATE TABLE ${name} (position ${type} PRIMARY KEY, note text NOT NULL, previous_hash text NOT NULL, hash text NOT NULL)`;
      const opened = await engine.open(this, { sqlite: [], postgres: [] });
      const raw = (sql: string): string => (engine.dialect === 'postgres' ? sql.replaceAll('?', '\\?') : sql);
      const backups = mkdtempSync(path.join(tmpdir(), 'migrate-safe-guards-'));
      const safe = createMigrateSafe({
        database: opened.url,
        backups,
        steps: [
          new MigrationStep(1, 'create', { apply: (knex) => knex.raw(raw(ddl)) }),
          new MigrationStep(2, 'guard', appendOnlyStep(Odd)),
        ],
      });
      value(await safe.up());
      const dao = new AppendOnlyDao(opened.database, Odd);
      expect(value(await dao.appendMany([{ note: 'a' }, { note: 'b' }])).position).to.equal(2);
      const edit = (): Promise<string> =>
        opened.sql(raw(`UPDATE ${name} SET note = 'x'`)).then(
          () => 'done',
          (error: Error) => error.message,
        );
      expect(await edit()).to.contain('is append-only');
      value(await safe.down());
      expect(await edit()).to.equal('done');
      expect((await dao.verify())._unsafeUnwrapErr()).to.include({ position: 1, problem: 'edited' });
      value(await safe.close());
      rmSync(backups, { recursive: true, force: true });
      await opened.remove();
    });
  });

describe('a table that is not append-only', () => {
  it('is refused where one is asked for, and the other way round', () => {
    const database = openDatabase({ database: 'sqlite::memory:' });
    const Plain = defineTable('plain', { id: z.int() }, { primaryKey: 'id' });
    expect(() => new AppendOnlyDao(database, Plain as never)).to.throw(TypeError, 'defineAppendOnlyTable');
    expect(() => new Dao(database, ChainOfCustody)).to.throw(TypeError, 'append-only');
    expect(() => defineAppendOnlyTable('x', { hash: z.string() })).to.throw(TypeError, "hash is the chain's own");
  });
});
