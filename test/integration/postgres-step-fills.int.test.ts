// An UPDATE of columns that the step has made itself takes no value away: its table is not read for that. Whatever else is done is told.
import { expect } from 'chai';
import fc from 'fast-check';
import type { StepObservation } from '#src/core/ports/step-transaction.js';
import { PostgresScriptSplitter } from '#src/dao/dialects/postgres/sql/script.js';
import type { PostgresStepTransaction } from '#src/dao/dialects/postgres/step/step-transaction.js';
import { KNOWN_BY, stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const TABLES = `
  CREATE TABLE t (id int PRIMARY KEY, a text, b int);
  INSERT INTO t SELECT i, 'a', i FROM generate_series(1, 30) AS i;
  CREATE TABLE parent (id int PRIMARY KEY, a text);
  INSERT INTO parent SELECT i, 'a' FROM generate_series(1, 5) AS i;
  CREATE TABLE child (x text, y text) INHERITS (parent);
  INSERT INTO child SELECT i, 'a', 'x' FROM generate_series(6, 9) AS i;
  CREATE TABLE parts (id int, a text, b int) PARTITION BY LIST (b);
  CREATE TABLE part_one PARTITION OF parts FOR VALUES IN (1);
  CREATE TABLE part_two PARTITION OF parts FOR VALUES IN (2);
  INSERT INTO parts SELECT i, 'a', 1 + i % 2 FROM generate_series(1, 10) AS i;
  CREATE VIEW seen AS SELECT id, a AS x FROM t`;
const ADD = 'ALTER TABLE t ADD COLUMN x text';
const FILL = `UPDATE t SET x = 'new' WHERE id % 2 = 0`;

const nulledIn = ({ nulledValues }: Pick<StepObservation, 'nulledValues'>): unknown =>
  nulledValues.map(({ table, column, rows }) => ({ table, column, rows }));
const told = ({ deletedRows, nulledValues, droppedColumns, droppedTables, effects }: StepObservation): unknown => ({
  deletedRows: deletedRows.map(({ table, rows }) => ({ table, rows })),
  nulledValues: nulledIn({ nulledValues }),
  droppedColumns,
  droppedTables,
  effects: effects.tables,
});

for (const [how, known] of KNOWN_BY)
  describe(`an UPDATE of new columns on PostgreSQL${how}`, () => {
    let bench: StepBench;
    const splitter = new PostgresScriptSplitter();
    before(() => splitter.prepare());
    beforeEach(async function () {
      bench = await stepBench(this, undefined, known);
      await bench.sql(TABLES);
    });
    afterEach(() => bench.close());

    const run = async (statements: readonly string[]): Promise<PostgresStepTransaction> => {
      const step = await bench.begin();
      const all = splitter.split(statements.join(';\n'), { transactionControl: 'keep' })._unsafeUnwrap().statements;
      value(await step.execute(all, new AbortController().signal));
      return step;
    };
    /** What is observed; `reads`: how often the table was read besides by the step. */
    const seen = async (...statements: readonly string[]): Promise<{ seen: StepObservation; asked: boolean }> => {
      const asked: string[] = [];
      const { work } = bench;
      const prepared = work.prepared.bind(work);
      work.prepared = (key, ...rest) => {
        asked.push(key);
        return prepared(key, ...rest);
      };
      const step = await run(statements);
      const observed = value(await step.observe());
      work.prepared = prepared;
      value(await step.rollback());
      return { seen: observed, asked: asked.includes('image_columns') };
    };

    it('is counted, and its table is not read', async () => {
      const { seen: observed, asked } = await seen(ADD, FILL, 'CREATE INDEX t_x ON t (x)');
      expect(observed.effects.tables).to.deep.equal({ t: { inserted: 0, updated: 15, deleted: 0 } });
      expect([...observed.nulledValues, ...observed.deletedRows]).to.deep.equal([]);
      expect(asked).to.equal(false);
    });

    it('is counted in partitions', async () => {
      const { seen: observed, asked } = await seen('ALTER TABLE parts ADD COLUMN x text', `UPDATE parts SET x = 'new'`);
      expect(observed.effects.tables).to.deep.equal({ parts: { inserted: 0, updated: 10, deleted: 0 } });
      expect(observed.nulledValues).to.deep.equal([]);
      expect(asked).to.equal(false);
    });

    for (const [what, statements, table, column, rows] of [
      ['of a column of before', ['UPDATE t SET a = NULL WHERE id <= 3'], 't', 'a', 3],
      ['of both at once', [`UPDATE t SET x = 'new', a = NULL WHERE id <= 3`], 't', 'a', 3],
      ['of a column of before, behind one of a new one', [FILL, 'UPDATE t SET b = NULL'], 't', 'b', 30],
      [
        'of a column of before and a new one, behind one of that',
        [FILL, 'UPDATE t SET b = NULL, x = NULL'],
        't',
        'b',
        30,
      ],
      ['in WITH', ['WITH w AS (UPDATE t SET a = NULL RETURNING id) UPDATE parent SET id = id'], 't', 'a', 30],
      ['through a view that has a column of before under a new name', ['UPDATE seen SET x = NULL'], 't', 'a', 30],
    ] as const)
      it(`is told where it empties, ${what}`, async () => {
        const { seen: observed } = await seen(ADD, ...statements);
        expect(nulledIn(observed)).to.deep.equal([{ table, column, rows }]);
      });

    it('is not taken for a loss of a column that was made behind it', async () => {
      const behind = [
        'ALTER TABLE t DROP COLUMN a CASCADE',
        'ALTER TABLE t ADD COLUMN y text',
        'DELETE FROM t WHERE id = 0',
      ];
      const { seen: observed } = await seen(ADD, FILL, ...behind);
      expect(nulledIn(observed)).to.deep.equal([]);
    });

    it('is told by the names that columns had when the step began', async () => {
      const empty = 'UPDATE t SET z = NULL WHERE id <= 3';
      const renames = 'ALTER TABLE t RENAME a TO z';
      for (const statements of [
        [ADD, FILL, renames, empty],
        [ADD, FILL, renames, 'UPDATE seen SET x = NULL WHERE id <= 3'],
        [renames, empty],
        ['UPDATE t SET b = 1', renames, empty],
        ['ALTER TABLE t DROP COLUMN b', renames, empty],
        ['ALTER TABLE t RENAME b TO other', renames, 'ALTER TABLE t RENAME other TO a', empty],
      ])
        for (const also of [[], ['ALTER TABLE t RENAME z TO last']]) {
          const { seen: observed } = await seen(...statements, ...also);
          expect(nulledIn(observed), statements.join('; ')).to.deep.equal([{ table: 't', column: 'a', rows: 3 }]);
        }
      const { seen: observed } = await seen(renames, 'DROP VIEW seen', 'ALTER TABLE t DROP COLUMN z');
      expect(observed.droppedColumns.map(({ column, rows }) => [column, rows])).to.deep.equal([['a', 30]]);
    });

    it('is told where a child had a column of that name before', async () => {
      const { seen: observed } = await seen('ALTER TABLE parent ADD COLUMN x text', 'UPDATE parent SET x = NULL');
      expect(nulledIn(observed)).to.deep.equal([{ table: 'child', column: 'x', rows: 4 }]);
    });

    it('is told where a child of two parents had a column of that name before', async () => {
      await bench.sql(
        'CREATE TABLE second (z int); ALTER TABLE child ADD COLUMN z int; ALTER TABLE child INHERIT second',
      );
      for (const parent of ['parent', 'second']) {
        const { seen: observed } = await seen(
          `ALTER TABLE ${parent} ADD COLUMN x text`,
          `UPDATE ${parent} SET x = NULL`,
        );
        expect(nulledIn(observed)).to.deep.equal([{ table: 'child', column: 'x', rows: 4 }]);
      }
    });

    it('is told where somebody else made the column meanwhile, and put values into it', async () => {
      const theirs = `SET LOCAL search_path = public; ALTER TABLE t ADD COLUMN x text; UPDATE t SET x = 'theirs'`;
      const observed = async (add: string, others: () => Promise<unknown>): Promise<unknown> => {
        const step = await bench.begin();
        const end = await others();
        const outcome = await bench.run(step, `${add}; UPDATE t SET x = NULL`);
        value(await step.rollback());
        await end;
        return nulledIn(value(outcome));
      };
      const waits = async (): Promise<readonly unknown[]> => {
        value(await bench.other.query(`BEGIN; ${theirs}`));
        return [new Promise((resolve) => setTimeout(resolve, 300)).then(() => bench.other.query('COMMIT'))];
      };
      const before = async (): Promise<void> => void value(await bench.other.query(`BEGIN; ${theirs}; COMMIT`));
      const all = [{ table: 't', column: 'x', rows: 30 }];
      expect(await observed('ALTER TABLE t ADD COLUMN IF NOT EXISTS x text', waits)).to.deep.equal(all);
      await bench.sql('ALTER TABLE t DROP COLUMN x');
      expect(await observed('ALTER TABLE t ADD COLUMN IF NOT EXISTS x text', before)).to.deep.equal(all);
      await bench.sql('ALTER TABLE t DROP COLUMN x');
      expect(await observed('ALTER TABLE t ADD COLUMN y text', before)).to.deep.equal(all);
    });

    for (const [what, statement, rows] of [
      ['an UPDATE', `UPDATE t SET x = 'it\\'' , a = NULL -- '`, 30],
      ['an INSERT', `INSERT INTO t (id, a) VALUES (1, 'p\\'') ON CONFLICT (id) DO UPDATE SET a = NULL -- ')`, 1],
    ] as const)
      it(`is told where the server reads the strings of ${what} otherwise`, async () => {
        const off = 'SET LOCAL standard_conforming_strings = off';
        const { seen: observed } = await seen(ADD, off, 'SAVEPOINT s', statement);
        expect(nulledIn(observed)).to.deep.equal([{ table: 't', column: 'a', rows }]);
      });

    it('is told where the name stands for a view of another schema', async () => {
      await bench.sql('CREATE SCHEMA other; CREATE VIEW other.t AS SELECT id, a AS x FROM public.t');
      const { seen: observed } = await seen(ADD, 'SET LOCAL search_path = other, public', 'UPDATE t SET x = NULL');
      expect(nulledIn(observed)).to.deep.equal([{ table: 't', column: 'a', rows: 30 }]);
    });

    it('is told where a view, or a column of that name, was made in the step', async () => {
      for (const statements of [
        [ADD, 'CREATE TEMP VIEW t AS SELECT id, a AS x FROM public.t', 'UPDATE t SET x = NULL'],
        [ADD, 'ALTER TABLE t DROP COLUMN x', 'ALTER TABLE t RENAME a TO x', 'UPDATE t SET x = NULL'],
      ]) {
        const { seen: observed } = await seen(...statements);
        expect(observed.nulledValues.map(({ rows }) => rows)).to.deep.equal([30]);
      }
    });

    it('is told where a trigger empties something else', async () => {
      await bench.sql(`CREATE FUNCTION empty() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.a := NULL; RETURN NEW; END';
        CREATE TRIGGER empty BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION empty()`);
      const { seen: observed } = await seen(ADD, FILL);
      expect(nulledIn(observed)).to.deep.equal([{ table: 't', column: 'a', rows: 15 }]);
    });

    it('is told as if it was not known what it sets, whatever else is done', async function () {
      this.timeout(120_000);
      const table = fc.constantFrom('t', 'parent', 'parts', 'seen');
      const column = fc.constantFrom('x', 'y', 'a');
      const at = fc.nat(12);
      const filled = fc
        .tuple(fc.subarray(['t', 'parent', 'parts'], { minLength: 1 }), fc.boolean(), at)
        .map(([tables, isAtOnce, id]) => [
          ...tables.map((name) => `ALTER TABLE ${name} ADD COLUMN x text`),
          ...(isAtOnce ? tables.map((name) => `UPDATE ${name} SET x = 'v' WHERE id < ${id}`) : []),
        ]);
      const statement = fc.oneof(
        { weight: 4, arbitrary: fc.tuple(table, column).map(([t, c]) => `ALTER TABLE ${t} ADD COLUMN ${c} text`) },
        {
          weight: 6,
          arbitrary: fc.tuple(table, column, at).map(([t, c, id]) => `UPDATE ${t} SET ${c} = 'v' WHERE id < ${id}`),
        },
        {
          weight: 4,
          arbitrary: fc.tuple(table, column, at).map(([t, c, id]) => `UPDATE ${t} SET ${c} = NULL WHERE id > ${id}`),
        },
        fc.tuple(table, at).map(([t, id]) => `UPDATE ${t} SET x = a, a = NULL WHERE id = ${id}`),
        fc.tuple(table, at).map(([t, id]) => `DELETE FROM ${t} WHERE id = ${id}`),
        table.map((t) => `INSERT INTO ${t} (id) VALUES (100)`),
        table.map((t) => `CREATE INDEX ON ${t} (a)`),
        fc.tuple(table, column).map(([t, c]) => `ALTER TABLE ${t} DROP COLUMN ${c} CASCADE`),
        fc.tuple(table, column).map(([t, c]) => `ALTER TABLE ${t} RENAME ${c} TO z`),
        fc.constantFrom(
          'SAVEPOINT one',
          'ROLLBACK TO one',
          'SET LOCAL search_path = other, public',
          'CREATE TABLE y (id int, x text)',
        ),
      );
      /** Those that can be done one after the other. */
      const feasible = async (statements: readonly string[]): Promise<readonly string[]> => {
        const { other } = bench;
        const done: string[] = [];
        value(await other.query('BEGIN; SET LOCAL search_path = public; SAVEPOINT one'));
        for (const sql of statements) {
          value(await other.query('SAVEPOINT here'));
          if ((await other.query(sql)).isOk()) done.push(sql);
          else value(await other.query('ROLLBACK TO here'));
        }
        value(await other.query('ROLLBACK'));
        return done;
      };
      const observed = async (statements: readonly string[], isKnown: boolean): Promise<unknown> => {
        const step = await bench.begin();
        for (const sql of ['SAVEPOINT one', ...statements]) {
          const { statements: all } = splitter.split(sql, { transactionControl: 'keep' })._unsafeUnwrap();
          const known = all.map(({ sets, ...one }) => (sets && (isKnown || sets.makes) ? { ...one, sets } : one));
          value(await step.execute(known, new AbortController().signal));
        }
        const outcome = await step.observe();
        value(await step.rollback());
        return outcome.isOk() ? told(outcome.value) : outcome.error.kind;
      };
      await bench.sql('CREATE SCHEMA other; CREATE VIEW other.parent AS SELECT id, a AS x FROM public.parent');
      await fc.assert(
        fc.asyncProperty(filled, fc.array(statement, { maxLength: 7 }), async (first, statements) => {
          const possible = await feasible([...first, ...statements]);
          expect(await observed(possible, true)).to.deep.equal(await observed(possible, false));
        }),
        { numRuns: known === 'counted' ? 20 : 60 },
      );
    });
  });
