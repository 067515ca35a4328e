import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { diffSchemas } from '#src/core/schema/diff.js';
import { describeChange } from '#src/core/schema/change.js';
import { fingerprint } from '#src/core/schema/fingerprint.js';
import type { ColumnSnapshot, IndexSnapshot, SchemaSnapshot, TableSnapshot } from '#src/core/schema/snapshot.js';
import { SqliteInspector, type InspectedSchema } from '#src/dao/dialects/sqlite/inspect/inspector.js';
import { TEST_DRIVERS, type TestDatabase } from '../support/inspector-sessions.js';

const hash = (snapshot: SchemaSnapshot): string =>
  fingerprint(snapshot, (text) => createHash('sha256').update(text).digest('hex'));

async function inspect(
  database: TestDatabase,
  inspector = new SqliteInspector(database.session),
): Promise<InspectedSchema> {
  const inspected = await inspector.snapshot();
  if (inspected.isErr()) throw new Error(inspected.error.message);
  return inspected.value;
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('not in the snapshot');
  return value;
}

const tableOf = (snapshot: SchemaSnapshot, name: string): TableSnapshot =>
  required(snapshot.tables.find((table) => table.name === name));
const indexOf = (snapshot: SchemaSnapshot, name: string): IndexSnapshot =>
  required(snapshot.indexes.find((index) => index.name === name));
const columnOf = (table: TableSnapshot, name: string): ColumnSnapshot =>
  required(table.columns.find((column) => column.name === name));

for (const driver of TEST_DRIVERS) {
  describe(`SqliteInspector with ${driver.name}`, () => {
    let database: TestDatabase & { readonly file: string };

    beforeEach(async () => {
      database = await driver.open();
    });
    afterEach(() => database.close());

    async function after(sql: string): Promise<SchemaSnapshot> {
      await database.exec(sql);
      return (await inspect(database)).snapshot;
    }

    it('sees an empty database as an empty schema', async () => {
      expect(await inspect(database)).to.deep.equal({
        snapshot: { identifiers: 'ascii-case-insensitive', tables: [], indexes: [], views: [], triggers: [] },
        raw: [],
      });
    });

    it('reads every property of a column', async () => {
      const table = tableOf(
        await after(`CREATE TABLE t(
          id INTEGER PRIMARY KEY, a varchar ( 10 ) NOT NULL ON CONFLICT IGNORE DEFAULT 'It''s' COLLATE nocase, b,
          c TEXT COLLATE BINARY DEFAULT CURRENT_TIMESTAMP, d DEFAULT (1+2), e DEFAULT -3, f DEFAULT true, g DEFAULT x'00Ff', h DEFAULT NULL,
          v INT GENERATED ALWAYS AS ("id" * 2) VIRTUAL, s TEXT AS (lower(a)) STORED NOT NULL)`),
        't',
      );
      const plain = { type: '', notNull: false, primaryKey: 0 };
      expect(table.columns).to.deep.equal([
        { ...plain, name: 'id', type: 'INTEGER', primaryKey: 1 },
        {
          ...plain,
          name: 'a',
          type: 'varchar ( 10 )',
          notNull: true,
          notNullOnConflict: 'ignore',
          default: "'It''s'",
          collation: 'nocase',
        },
        { ...plain, name: 'b' },
        { ...plain, name: 'c', type: 'TEXT', default: 'current_timestamp' },
        { ...plain, name: 'd', default: '1 + 2' },
        { ...plain, name: 'e', default: '- 3' },
        { ...plain, name: 'f', default: 'true' },
        { ...plain, name: 'g', default: "x'00Ff'" },
        { ...plain, name: 'h', default: 'null' },
        { ...plain, name: 'v', type: 'INT', generated: { storage: 'virtual', expression: 'id * 2' } },
        { ...plain, name: 's', type: 'TEXT', notNull: true, generated: { storage: 'stored', expression: 'lower(a)' } },
      ]);
    });

    it('keeps the case of a default that is a word or is written in double quotes: it is a string', async () => {
      const one = tableOf(await after(`CREATE TABLE t(a DEFAULT "AbC", b DEFAULT Word)`), 't');
      expect(one.columns.map((column) => column.default)).to.deep.equal(["'AbC'", "'Word'"]);
    });

    it('reads the options of a table', async () => {
      const snapshot = await after(`CREATE TABLE plain(a); CREATE TABLE w(a PRIMARY KEY DESC, b) WITHOUT ROWID;
        CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, a ANY) STRICT; CREATE TABLE both(a INT PRIMARY KEY) STRICT, WITHOUT ROWID`);
      const options = snapshot.tables.map((table) => [
        table.name,
        table.autoincrement,
        table.withoutRowid,
        table.strict,
      ]);
      expect(options).to.deep.equal([
        ['both', false, true, true],
        ['plain', false, false, false],
        ['s', true, false, true],
        ['w', false, true, false],
      ]);
      expect(tableOf(snapshot, 'w').primaryKey).to.deep.equal({ terms: [{ column: 'a', descending: true }] });
      expect(snapshot.indexes).to.deep.equal([]);
    });

    it('reads primary keys and unique constraints with order, collation, name and conflict clause', async () => {
      const snapshot = await after(`
        CREATE TABLE t(a COLLATE nocase, b, c UNIQUE, CONSTRAINT pk PRIMARY KEY (b DESC, a) ON CONFLICT REPLACE,
          CONSTRAINT u UNIQUE (a COLLATE rtrim, b), UNIQUE (B, c) ON CONFLICT IGNORE);
        CREATE TABLE alias(id INTEGER, PRIMARY KEY (id DESC)); CREATE TABLE notalias(id INTEGER PRIMARY KEY DESC)`);
      const table = tableOf(snapshot, 't');
      expect(table.primaryKey).to.deep.equal({
        name: 'pk',
        onConflict: 'replace',
        terms: [
          { column: 'b', descending: true },
          { column: 'a', descending: false, collation: 'nocase' },
        ],
      });
      expect(table.columns.map((column) => column.primaryKey)).to.deep.equal([2, 1, 0]);
      expect(table.uniques).to.have.deep.members([
        { terms: [{ column: 'c', descending: false }] },
        {
          name: 'u',
          terms: [
            { column: 'a', descending: false, collation: 'rtrim' },
            { column: 'b', descending: false },
          ],
        },
        {
          onConflict: 'ignore',
          terms: [
            { column: 'b', descending: false },
            { column: 'c', descending: false },
          ],
        },
      ]);
      expect(tableOf(snapshot, 'alias').primaryKey?.terms).to.deep.equal([{ column: 'id', descending: false }]);
      expect(tableOf(snapshot, 'notalias').primaryKey?.terms).to.deep.equal([{ column: 'id', descending: true }]);
    });

    it('reads foreign keys, which the pragma lists backwards, with how they are deferred', async () => {
      const table = tableOf(
        await after(`CREATE TABLE p(x PRIMARY KEY, y, UNIQUE (x, y));
          CREATE TABLE t(a REFERENCES "P"(x) ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED, b REFERENCES p NOT NULL,
            CONSTRAINT fk FOREIGN KEY (a, b) REFERENCES p(x, y) ON DELETE SET DEFAULT ON UPDATE RESTRICT DEFERRABLE)`),
        't',
      );
      expect(table.foreignKeys).to.deep.equal([
        {
          columns: ['a'],
          references: { table: 'P', columns: ['x'] },
          onDelete: 'cascade',
          onUpdate: 'set-null',
          deferrable: 'initially-deferred',
        },
        {
          columns: ['b'],
          references: { table: 'p', columns: [] },
          onDelete: 'no-action',
          onUpdate: 'no-action',
          deferrable: 'not-deferrable',
        },
        {
          name: 'fk',
          columns: ['a', 'b'],
          references: { table: 'p', columns: ['x', 'y'] },
          onDelete: 'set-default',
          onUpdate: 'restrict',
          deferrable: 'initially-immediate',
        },
      ]);
    });

    it('reads checks with the columns that they mention', async () => {
      const table = tableOf(
        await after(`CREATE TABLE t(a INT CHECK (A > 0), "b c" CONSTRAINT named CHECK (length("b c") < 5 AND a <> 1), state CHECK (state IN ('Open')),
          length, "in", CHECK ("b c" IS NOT NULL OR t."in" /* why */ = 1))`),
        't',
      );
      expect(table.checks).to.deep.equal([
        { expression: 'a > 0', columns: ['a'] },
        { name: 'named', expression: 'length("b c")< 5 and a <> 1', columns: ['a', 'b c'] },
        { expression: "state in('Open')", columns: ['state'] },
        { expression: '"b c" is not null or t."in" = 1', columns: ['b c', 'in'] },
      ]);
    });

    it('reads partial, descending and expression indexes', async () => {
      const snapshot = await after(`CREATE TABLE t(a COLLATE nocase, b, c);
        CREATE UNIQUE INDEX one ON t(a, b COLLATE rtrim DESC) WHERE "c" IS NOT NULL;
        CREATE INDEX two ON t(lower("a") COLLATE nocase DESC, c, b || ',' )`);
      expect(indexOf(snapshot, 'one')).to.deep.equal({
        name: 'one',
        table: 't',
        unique: true,
        origin: 'created',
        where: 'c is not null',
        terms: [
          { column: 'a', descending: false, collation: 'nocase' },
          { column: 'b', descending: true, collation: 'rtrim' },
        ],
      });
      expect(indexOf(snapshot, 'two')).to.deep.equal({
        name: 'two',
        table: 't',
        unique: false,
        origin: 'created',
        terms: [
          { expression: 'lower(a)', descending: true, collation: 'nocase' },
          { column: 'c', descending: false },
          { expression: "b || ','", descending: false },
        ],
      });
    });

    it('reads views and triggers, also of views', async () => {
      const snapshot = await after(`CREATE TABLE t(a); CREATE VIEW V AS SELECT  "a" FROM t -- all
        ; CREATE TRIGGER tr INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES (new.a); END`);
      expect(snapshot.views).to.deep.equal([{ name: 'V', sql: 'create view v as select a from t' }]);
      expect(snapshot.triggers.map(({ name, table }) => [name, table.toLowerCase()])).to.deep.equal([['tr', 'v']]);
    });

    it('knows virtual tables by module and arguments, and their shadow tables', async () => {
      const snapshot = await after(`CREATE VIRTUAL TABLE docs USING fts5(title, body UNINDEXED, tokenize = 'porter');
        CREATE VIRTUAL TABLE area USING rtree(id, x0, x1); CREATE TABLE docs_mine(a)`);
      const kinds = snapshot.tables.map((table) => `${table.name} ${table.kind}`);
      expect(kinds).to.include.members([
        'docs virtual',
        'docs_data shadow',
        'docs_config shadow',
        'area virtual',
        'area_node shadow',
        'docs_mine table',
      ]);
      expect(tableOf(snapshot, 'docs').module).to.deep.equal({
        name: 'fts5',
        args: ['title', 'body UNINDEXED', "tokenize = 'porter'"],
      });
    });

    it('is not stopped by views that do not compile and virtual tables that do not load', async () => {
      await database.exec(`CREATE TABLE t(a CHECK (a > 0)); CREATE VIEW broken AS SELECT * FROM gone; CREATE VIRTUAL TABLE f USING fts5(x);
        PRAGMA writable_schema = ON;
        INSERT INTO sqlite_schema VALUES ('table', 'ghost', 'ghost', 0, 'CREATE VIRTUAL TABLE ghost USING nomodule(a, b)');
        INSERT INTO sqlite_schema VALUES ('table', 'odd', 'odd', 0, 'CREATE VIRTUAL TABLE odd USING fts5(a, tokenize = nosuch)');
        UPDATE sqlite_schema SET sql = 'CREATE TABLE t(a COLLATE nosuch CHECK (nosuch(a) > 0))' WHERE name = 't'`);
      const again = await driver.open(database.file);
      try {
        const { snapshot } = await inspect(again);
        expect(tableOf(snapshot, 'ghost').module).to.deep.equal({ name: 'nomodule', args: ['a', 'b'] });
        expect(snapshot.views.map((view) => view.name)).to.deep.equal(['broken']);
        expect(tableOf(snapshot, 't').checks.map((check) => check.expression)).to.deep.equal(['nosuch(a)> 0']);
        expect(columnOf(tableOf(snapshot, 't'), 'a').collation).to.equal('nosuch');
      } finally {
        await again.close();
      }
    });

    it('reads names with quotes, blanks, keywords and letters beyond ASCII', async () => {
      const snapshot =
        await after(`CREATE TABLE "a ""b"" 'c'" ([x y], \`select\` CHECK ("select" > 0), 'str' UNIQUE, "ключ" PRIMARY KEY, "q""q");
        CREATE TABLE "Ä"(a); CREATE TABLE "ä"(a REFERENCES "order"("from")); CREATE TABLE "order"("from" PRIMARY KEY);
        CREATE INDEX "i "" x" ON "a ""b"" 'c'"("q""q" || '"', "x y" DESC)`);
      const table = tableOf(snapshot, `a "b" 'c'`);
      expect(table.columns.map((column) => column.name)).to.deep.equal(['x y', 'select', 'str', 'ключ', 'q"q']);
      expect(table.checks).to.deep.equal([{ expression: '"select" > 0', columns: ['select'] }]);
      expect(table.uniques).to.deep.equal([{ terms: [{ column: 'str', descending: false }] }]);
      expect(tableOf(snapshot, 'ä').foreignKeys[0]?.references).to.deep.equal({ table: 'order', columns: ['from'] });
      expect(indexOf(snapshot, 'i " x').terms).to.deep.equal([
        { expression: `"q""q" || '"'`, descending: false },
        { column: 'x y', descending: true },
      ]);
      expect(snapshot.tables.map((one) => one.name)).to.deep.equal([`a "b" 'c'`, 'order', 'Ä', 'ä']);
    });

    it('reads a table of 1,000 columns and one made from a query', async () => {
      const many = Array.from({ length: 1000 }, (_, n) => `c${n} INT${n % 2 === 0 ? '' : ' COLLATE nocase'}`).join(
        ', ',
      );
      const snapshot = await after(
        `CREATE TABLE wide(${many}); CREATE TABLE made AS SELECT c0, c1 AS "x ""y", 1.5 AS z FROM wide`,
      );
      expect(tableOf(snapshot, 'wide').columns).to.have.length(1000);
      expect(columnOf(tableOf(snapshot, 'wide'), 'c999').collation).to.equal('nocase');
      expect(tableOf(snapshot, 'made').columns.map((column) => column.name)).to.deep.equal(['c0', 'x "y', 'z']);
    });

    it('leaves out what is not of the application, but lists it raw', async () => {
      const { snapshot, raw } = await inspect(
        await database
          .exec(
            `CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE); CREATE TABLE migrate_safe_events(a UNIQUE); CREATE INDEX mine ON migrate_safe_events(a);
             CREATE TRIGGER guard AFTER INSERT ON migrate_safe_events BEGIN SELECT 1; END; CREATE TABLE _litestream_seq(a); CREATE TABLE knex_migrations(a);
             INSERT INTO t(a) VALUES (1); ANALYZE`,
          )
          .then(() => database),
      );
      expect(snapshot.tables.map((table) => table.name)).to.deep.equal(['knex_migrations', 't']);
      expect(snapshot.indexes).to.deep.equal([]);
      expect(snapshot.triggers).to.deep.equal([]);
      const listed = raw.map((object) => `${object.type} ${object.name}`);
      expect(listed).to.include.members([
        'index sqlite_autoindex_t_1',
        'table sqlite_sequence',
        'table migrate_safe_events',
        'trigger guard',
        'index mine',
      ]);
      expect(raw.find((object) => object.name === 'sqlite_autoindex_t_1')).to.include({ tableName: 't', sql: null });
      expect(raw.every((object) => Number.isInteger(object.rootpage))).to.equal(true);
    });

    it('reads the main database where a temporary table has the same name', async () => {
      const snapshot = await after('CREATE TABLE t(a, b); CREATE TEMP TABLE t(x); CREATE TEMP VIEW v AS SELECT 1');
      expect(tableOf(snapshot, 't').columns.map((column) => column.name)).to.deep.equal(['a', 'b']);
      expect(snapshot.views).to.deep.equal([]);
    });

    it('finds the same schema after names were changed and changed back, although SQLite writes it anew', async () => {
      // A string in double quotes, which ALTER TABLE turns into single ones, where the driver still takes it for a string.
      const open = driver.name === 'sqlite3' ? '"Open"' : "'Open'";
      await database.exec(`CREATE TABLE "other"(x PRIMARY KEY);
        CREATE TABLE a(id INTEGER PRIMARY KEY, n TEXT CHECK (n <> '' AND n IN (${open}, 'shut')), m AS (n || id), r REFERENCES other(x), UNIQUE (n, id), CHECK (a.n > id));
        CREATE TABLE child(p REFERENCES a(id) ON DELETE CASCADE);
        CREATE INDEX i ON a(n COLLATE nocase DESC, n || 'N') WHERE n IS NOT NULL; CREATE VIEW v AS SELECT a.n, id FROM a;
        CREATE TRIGGER tr AFTER UPDATE OF n ON a WHEN new.n > old.n BEGIN DELETE FROM child WHERE p = new.id; UPDATE a SET n = 1 WHERE a.id = 2; END;
        CREATE VIRTUAL TABLE f USING fts5(x, content = 'a')`);
      const before = (await inspect(database)).snapshot;
      for (const [forth, back] of [
        ['ALTER TABLE a RENAME TO b', 'ALTER TABLE b RENAME TO a'],
        ['ALTER TABLE a RENAME TO "b b"', 'ALTER TABLE "b b" RENAME TO A'],
        ['ALTER TABLE a RENAME COLUMN n TO "order"', 'ALTER TABLE a RENAME COLUMN "order" TO n'],
        ['ALTER TABLE other RENAME COLUMN x TO y', 'ALTER TABLE other RENAME COLUMN y TO X'],
        ['ALTER TABLE f RENAME TO g', 'ALTER TABLE g RENAME TO f'],
        ['ALTER TABLE a ADD COLUMN extra', 'ALTER TABLE a DROP COLUMN extra'],
      ] as const) {
        await database.exec(forth);
        const between = (await inspect(database)).snapshot;
        expect(hash(between), forth).not.to.equal(hash(before));
        await database.exec(back);
        const now = (await inspect(database)).snapshot;
        expect(diffSchemas(before, now).map(describeChange), back).to.deep.equal([]);
        expect(hash(now), back).to.equal(hash(before));
      }
    });

    it('gives an error as a value', async () => {
      const other = await driver.open();
      const inspector = new SqliteInspector(other.session);
      await other.close();
      expect((await inspector.snapshot()).isErr()).to.equal(true);
    });
  });
}

describe('SqliteInspector', () => {
  it('finds the same schema with both drivers', async () => {
    const script = `CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT DEFAULT 'x' CHECK (a > 0), b TEXT AS (a) STORED, UNIQUE (a)) STRICT; CREATE INDEX i ON t(lower(a));
      CREATE VIRTUAL TABLE f USING fts5(x); CREATE VIEW v AS SELECT * FROM t`;
    const hashes: string[] = [];
    for (const driver of TEST_DRIVERS) {
      const database = await driver.open();
      await database.exec(script);
      hashes.push(hash((await inspect(database)).snapshot));
      await database.close();
    }
    expect(new Set(hashes).size).to.equal(1);
  });
});
