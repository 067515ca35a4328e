import { expect } from 'chai';
import { parseCreateIndex } from '#src/dao/dialects/sqlite/inspect/index-sql.js';
import { historyTableOf } from '#src/dao/history-tables.js';
import { isForeignObject } from '#src/dao/dialects/sqlite/inspect/neighbours.js';
import { parseCreateTable } from '#src/dao/dialects/sqlite/inspect/table-sql.js';
import { parseCreateVirtualTable } from '#src/dao/dialects/sqlite/inspect/virtual-table-sql.js';
import type { Token } from '#src/dao/dialects/sqlite/sql/token.js';

const text = (tokens: readonly Token[]): string => tokens.map((token) => token.text).join(' ');

describe('parseCreateTable', () => {
  it('reads what follows the name of a column whatever its order', () => {
    const { columns, primaryKey, autoincrement, uniques } = parseCreateTable(`CREATE TABLE t(
      id INTEGER CONSTRAINT pk PRIMARY KEY DESC ON CONFLICT FAIL AUTOINCREMENT,
      a VARCHAR(10, 2) DEFAULT (1 + (2)) COLLATE NOCASE NOT NULL ON CONFLICT IGNORE CONSTRAINT u UNIQUE ON CONFLICT REPLACE,
      "b c" DEFAULT -1 CHECK ("b c" > 0) NULL,
      c UNSIGNED BIG INT GENERATED ALWAYS AS (a || ')') STORED, d AS (id), e DEFAULT 'check (x)' NOT NULL ON CONFLICT ABORT)`);
    expect(columns.map((column) => column.name)).to.deep.equal(['id', 'a', 'b c', 'c', 'd', 'e']);
    expect(primaryKey).to.deep.equal({ name: 'pk', columns: ['id'], onConflict: 'fail' });
    expect(autoincrement).to.equal(true);
    expect(uniques).to.deep.equal([{ name: 'u', columns: ['a'], onConflict: 'replace' }]);
    expect(columns[1]).to.deep.equal({ name: 'a', collation: 'NOCASE', notNullOnConflict: 'ignore' });
    expect(columns[3]?.generated).to.deep.include({ storage: 'stored' });
    expect(text(columns[3]?.generated?.expression ?? [])).to.equal("a || ')'");
    expect(columns[4]?.generated).to.deep.include({ storage: 'virtual' });
    expect(columns[5]).to.deep.equal({ name: 'e' });
  });

  it('reads table constraints with and without a comma between them', () => {
    const parsed =
      parseCreateTable(`CREATE TABLE t(a, b, CONSTRAINT one CHECK (a > (0)) CHECK (b IN ('x,y', ')')) /* , */
      UNIQUE (b COLLATE NOCASE DESC, a) ON CONFLICT ROLLBACK, PRIMARY KEY (a AUTOINCREMENT), CONSTRAINT nothing)`);
    expect(parsed.checks.map((check) => [check.name, text(check.expression)])).to.deep.equal([
      ['one', 'a > ( 0 )'],
      [undefined, "b IN ( 'x,y' , ')' )"],
    ]);
    expect(parsed.uniques).to.deep.equal([{ columns: ['b', 'a'], onConflict: 'rollback' }]);
    expect(parsed.primaryKey).to.deep.equal({ columns: ['a'] });
    expect(parsed.autoincrement).to.equal(true);
    expect(parsed.columns).to.have.length(2);
  });

  it('reads how foreign keys are deferred, in the order in which they are written', () => {
    const { foreignKeys } = parseCreateTable(`CREATE TABLE t(
      a REFERENCES p(x) ON DELETE SET NULL ON UPDATE NO ACTION MATCH FULL DEFERRABLE INITIALLY DEFERRED NOT NULL,
      b REFERENCES p NOT NULL DEFERRABLE, c CONSTRAINT fk REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED,
      FOREIGN KEY (a, b) REFERENCES p(x, y) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE, CHECK (a))`);
    expect(foreignKeys).to.deep.equal([
      { deferrable: 'initially-deferred' },
      { deferrable: 'initially-immediate' },
      { name: 'fk', deferrable: 'not-deferrable' },
      { deferrable: 'initially-immediate' },
    ]);
  });

  it('reads the options after the body', () => {
    expect(parseCreateTable('CREATE TABLE t(a PRIMARY KEY) STRICT, without ROWID')).to.deep.include({
      strict: true,
      withoutRowid: true,
    });
    expect(parseCreateTable('CREATE TABLE strict("without" rowid)')).to.deep.include({
      strict: false,
      withoutRowid: false,
    });
  });

  it('ends on any text', () => {
    for (const sql of [
      '',
      'CREATE TABLE',
      'CREATE TABLE t(',
      'CREATE TABLE t(a CHECK (',
      'x(FOREIGN PRIMARY',
      'x(a,,b)(',
      '(CONSTRAINT)',
    ]) {
      expect(() => parseCreateTable(sql)).not.to.throw();
    }
  });
});

describe('parseCreateIndex', () => {
  it('takes terms apart from their order and the condition', () => {
    const parsed = parseCreateIndex(
      `CREATE UNIQUE INDEX "i(" ON t(a DESC, lower(b, ',') COLLATE nocase ASC, (c)) WHERE a IS NOT NULL`,
    );
    expect(parsed.terms.map(text)).to.deep.equal(['a', "lower ( b , ',' )", '( c )']);
    expect(text(parsed.where ?? [])).to.equal('a IS NOT NULL');
  });
});

describe('parseCreateVirtualTable', () => {
  it('keeps the arguments as they are written but for blanks and comments', () => {
    const sql = `create virtual table "f" using fts5(a,  b UNINDEXED /* why */ , tokenize = "unicode61  x", prefix='2 3',content="")`;
    expect(parseCreateVirtualTable(sql)).to.deep.equal({
      name: 'fts5',
      args: ['a', 'b UNINDEXED', 'tokenize = "unicode61  x"', "prefix='2 3'", 'content=""'],
    });
  });

  it('does not take any other table', () => {
    expect(parseCreateVirtualTable('CREATE TABLE virtual(a)')).to.equal(undefined);
  });
});

describe('isForeignObject', () => {
  it('knows the tables of the engine, of SQLite, of Litestream and of Cloudflare', () => {
    for (const name of ['migrate_safe_events', 'sqlite_sequence', 'SQLITE_stat1', '_litestream_seq', '_cf_KV']) {
      expect(isForeignObject(name), name).to.equal(true);
    }
    for (const name of ['migratexsafe_events', 'orders', 'my_sqlite_table', '_cfg', 'ſqlite_x']) {
      expect(isForeignObject(name), name).to.equal(false);
    }
  });
});

describe('historyTableOf', () => {
  it('names the tool whose history a table holds', () => {
    expect(historyTableOf('knex_migrations_lock')).to.equal('knex');
    expect(historyTableOf('sequelizemeta')).to.equal('Sequelize');
    expect(historyTableOf('migrations')).to.equal('TypeORM');
    expect(historyTableOf('_prisma_migrations')).to.equal('Prisma');
    expect(historyTableOf('orders')).to.equal(undefined);
    expect(historyTableOf('constructor')).to.equal(undefined);
  });
});
