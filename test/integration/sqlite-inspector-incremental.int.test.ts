import { expect } from 'chai';
import fc from 'fast-check';
import { namesIn } from '#src/dao/dialects/sqlite/sql/statement.js';
import { SqliteInspector, type InspectedSchema } from '#src/dao/dialects/sqlite/inspect/inspector.js';
import { counting, TEST_DRIVERS, type TestDatabase } from '../support/inspector-sessions.js';

async function read(inspector: SqliteInspector): Promise<InspectedSchema> {
  const inspected = await inspector.snapshot();
  if (inspected.isErr()) throw new Error(inspected.error.message);
  return inspected.value;
}

const table = fc.constantFrom('t0', 't1', 'T1', '"t 2"', '_x_content');
const column = fc.constantFrom('a', 'b', '"c d"');
const COLUMNS = 'a INT CHECK (a <> 7), b TEXT COLLATE nocase UNIQUE, "c d" DEFAULT 1 REFERENCES t0(a), g AS (a + 1)';
const statement = fc.oneof(
  table.map((t) => `CREATE TABLE ${t}(${COLUMNS})`),
  table.map((t) =>
    `CREATE TABLE ${t}(id INTEGER PRIMARY KEY AUTOINCREMENT, ${COLUMNS}) STRICT`.replace(
      '"c d" DEFAULT',
      '"c d" INT DEFAULT',
    ),
  ),
  table.map((t) => `DROP TABLE ${t}`),
  fc.tuple(table, table).map(([from, to]) => `ALTER TABLE ${from} RENAME TO ${to}`),
  fc.tuple(table, column).map(([t, c]) => `ALTER TABLE ${t} RENAME COLUMN ${c} TO renamed`),
  fc.tuple(table, column).map(([t, c]) => `ALTER TABLE ${t} RENAME COLUMN renamed TO ${c}`),
  fc.tuple(table, column).map(([t, c]) => `ALTER TABLE ${t} DROP COLUMN ${c}`),
  fc.tuple(table, column).map(([t, c]) => `ALTER TABLE ${t} ADD COLUMN ${c}`),
  fc.tuple(table, column).map(([t, c]) => `CREATE INDEX i ON ${t}(${c} DESC, lower(a)) WHERE b > 1`),
  fc.constant('DROP INDEX i'),
  table.map((t) => `CREATE VIEW v AS SELECT a FROM ${t}`),
  fc.constant('DROP VIEW v'),
  table.map((t) => `CREATE TRIGGER tr AFTER INSERT ON ${t} BEGIN DELETE FROM ${t} WHERE a = 1; END`),
  fc.constant('DROP TRIGGER tr'),
  fc.constant("CREATE VIRTUAL TABLE _x USING fts5(a, content = '')"),
  fc.constant('DROP TABLE _x'),
  fc.constant('VACUUM'),
  fc.constant('BEGIN'),
  fc.constant('ROLLBACK'),
  fc.constant('COMMIT'),
);
const adding = fc.oneof(
  table.map((t) => `CREATE TABLE IF NOT EXISTS ${t}(${COLUMNS})`),
  table.map((t) => `CREATE TABLE ${t}(id INTEGER PRIMARY KEY AUTOINCREMENT, a, b UNIQUE)`),
  table.map((t) => `CREATE TABLE ${t} AS SELECT 1 AS a, 2 AS b`),
  fc.tuple(table, column).map(([t, c]) => `ALTER TABLE ${t} ADD COLUMN ${c}`),
  fc.tuple(table, fc.nat(20)).map(([t, n]) => `ALTER TABLE ${t} ADD COLUMN c${n} TEXT DEFAULT 'x'`),
  fc.tuple(table, fc.nat(9)).map(([t, n]) => `CREATE INDEX i${n} ON ${t}(a DESC, lower(b))`),
  table.map((t) => `CREATE VIEW v AS SELECT a FROM ${t}`),
  table.map((t) => `CREATE TRIGGER tr AFTER INSERT ON ${t} BEGIN DELETE FROM ${t} WHERE a = 1; END`),
  table.map((t) => `INSERT INTO ${t} (a) VALUES (1)`),
);

for (const driver of TEST_DRIVERS) {
  describe(`SqliteInspector over time with ${driver.name}`, () => {
    let database: TestDatabase & { readonly file: string };

    beforeEach(async () => {
      database = await driver.open();
    });
    afterEach(() => database.close());

    it('finds after any statements what a fresh look finds', async () => {
      await database.exec('PRAGMA synchronous = OFF');
      let applied = 0;
      const property = fc.asyncProperty(fc.array(statement, { minLength: 5, maxLength: 30 }), async (statements) => {
        const inspector = new SqliteInspector(database.session);
        for (const sql of statements) {
          // Most sequences hold statements that fail; what they leave is as good a state as any other.
          applied += await database.exec(sql).then(
            () => 1,
            () => 0,
          );
          const [kept, fresh] = [await read(inspector), await read(new SqliteInspector(database.session))];
          expect(kept).to.deep.equal(fresh);
        }
        await database.exec('ROLLBACK').catch(() => undefined);
        for (const object of ['VIEW v', 'TABLE _x', 'TABLE t0', 'TABLE t1', 'TABLE "t 2"', 'TABLE _x_content'])
          await database.exec(`DROP ${object}`).catch(() => undefined);
      });
      await fc.assert(property, { numRuns: 60, interruptAfterTimeLimit: 8000, markInterruptAsFailure: false });
      expect(applied).to.be.greaterThan(50);
    });

    it('finds after statements that only add what a fresh look finds, by what they name alone', async () => {
      await database.exec('PRAGMA synchronous = OFF');
      let grown = 0;
      const scripts = fc.array(fc.array(adding, { maxLength: 3 }), { minLength: 3, maxLength: 12 });
      const property = fc.asyncProperty(fc.array(statement, { maxLength: 8 }), scripts, async (start, steps) => {
        for (const sql of start) await database.exec(sql).catch(() => undefined);
        const { session, statements } = counting(database.session);
        const inspector = new SqliteInspector(session);
        let before = await read(inspector);
        for (const script of steps) {
          for (const sql of script) await database.exec(sql).catch(() => undefined);
          const reads = statements.length;
          const after = await inspector.grown(before, script.flatMap(namesIn));
          before = after._unsafeUnwrap();
          grown += statements.length - reads === 1 ? 1 : 0;
          expect(before).to.deep.equal(await read(new SqliteInspector(database.session)));
        }
        await database.exec('ROLLBACK').catch(() => undefined);
        for (const object of ['VIEW v', 'TABLE _x', 'TABLE t0', 'TABLE t1', 'TABLE "t 2"', 'TABLE _x_content'])
          await database.exec(`DROP ${object}`).catch(() => undefined);
      });
      await fc.assert(property, { numRuns: 60, interruptAfterTimeLimit: 8000, markInterruptAsFailure: false });
      expect(grown).to.be.greaterThan(50);
    });

    it('reads once where nothing has changed, and gives the same object', async () => {
      await database.exec('CREATE TABLE t(a); CREATE TABLE u(a)');
      const { session, statements } = counting(database.session);
      const inspector = new SqliteInspector(session);
      const first = await read(inspector);
      expect(statements).to.have.length(2);
      expect(await read(inspector)).to.equal(first);
      expect(statements).to.have.length(3);
    });

    it('keeps the description of a table that has not changed', async () => {
      await database.exec('CREATE TABLE t(a); CREATE TABLE u(a)');
      const inspector = new SqliteInspector(database.session);
      const before = (await read(inspector)).snapshot;
      await database.exec('ALTER TABLE u ADD COLUMN b');
      const now = (await read(inspector)).snapshot;
      expect(now.tables[0]).to.equal(before.tables[0]);
      expect(now.tables[1]?.columns).to.have.length(2);
    });

    it('reads again where another connection changes a table between its two reads', async () => {
      await database.exec('CREATE TABLE t(a)');
      let meddled = false;
      const { session } = counting(database.session);
      const meddling: typeof session = {
        ...session,
        all: (sql, params) => {
          const reading = session.all<never>(sql, params);
          if (meddled) return reading;
          meddled = true;
          return reading.map(async (rows) => {
            await database.exec('ALTER TABLE t ADD COLUMN b; CREATE INDEX i ON t(b)');
            return rows;
          });
        },
      };
      const { snapshot } = await read(new SqliteInspector(meddling));
      expect(snapshot.tables[0]?.columns.map((one) => one.name)).to.deep.equal(['a', 'b']);
      expect(snapshot.indexes.map((one) => one.name)).to.deep.equal(['i']);
    });

    it('gives up with an error where the schema never rests', async () => {
      await database.exec('CREATE TABLE t(a)');
      let count = 0;
      const { session } = counting(database.session);
      const restless: typeof session = {
        ...session,
        all: (sql, params) =>
          session.all<never>(sql, params).map(async (rows) => {
            count += 1;
            await database.exec(`ALTER TABLE t ADD COLUMN c${count}`);
            return rows;
          }),
      };
      const inspected = await new SqliteInspector(restless).snapshot();
      expect(inspected.isErr() && inspected.error.kind).to.equal('busy');
    });

    it('reads 500 tables in one statement', async () => {
      const tables = Array.from(
        { length: 500 },
        (
          _,
          n,
        ) => `CREATE TABLE t${n}(id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT 'x', b INT CHECK (b > 0), c, d, UNIQUE (a, b), FOREIGN KEY (b) REFERENCES t0(id));
          CREATE INDEX i${n} ON t${n}(c, d)`,
      );
      await database.exec(`BEGIN; ${tables.join(';')}; COMMIT`);
      const { session, statements } = counting(database.session);
      const started = performance.now();
      const { snapshot } = await read(new SqliteInspector(session));
      // Some 70 ms where nothing else runs; the bound only guards against a loop over tables or something quadratic.
      expect(performance.now() - started).to.be.lessThan(1000);
      expect(snapshot.tables).to.have.length(500);
      expect(statements).to.have.length(2);
    });
  });
}
