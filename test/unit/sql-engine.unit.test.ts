// The lexer against the engine it imitates: what the splitter says must be what SQLite does, in memory.
import Database from 'better-sqlite3';
import { expect } from 'chai';
import fc from 'fast-check';

import { normaliseSql } from '#src/dao/dialects/sqlite/sql/normalise.js';
import { splitStatements } from '#src/dao/dialects/sqlite/sql/split.js';
import { asciiLower, tokenize } from '#src/dao/dialects/sqlite/sql/token.js';

const SCRIPTS: Readonly<Record<string, string>> = {
  'triggers with CASE': `
    CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE TABLE log(at TEXT, what TEXT);
    CREATE TRIGGER t_a AFTER UPDATE OF a ON t WHEN new.a IS NOT old.a BEGIN
      UPDATE t SET b = CASE WHEN new.a > 0 THEN CASE new.a WHEN 1 THEN 'one; END;' ELSE 'many' END ELSE 'none' END
        WHERE id = new.id; -- END;
      INSERT INTO log VALUES (CURRENT_TIMESTAMP, 'begin; end;'); /* END; */
    END;
    INSERT INTO t VALUES (1, 0, NULL); UPDATE t SET a = 1;`,
  'a search index kept up to date by triggers': `
    CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);
    CREATE VIRTUAL TABLE notes_fts USING fts5(body, content='notes', content_rowid='id', tokenize="unicode61 tokenchars ';'");
    CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN
      INSERT INTO notes_fts(rowid, body) VALUES (new.id, new.body);
    END;
    CREATE TRIGGER notes_ad AFTER DELETE ON notes BEGIN
      INSERT INTO notes_fts(notes_fts, rowid, body) VALUES ('delete', old.id, old.body);
    END;
    INSERT INTO notes(body) VALUES ('it''s; here'); DELETE FROM notes;`,
  'bare and quoted words begin and end': `
    CREATE TABLE begin(begin, end); CREATE TABLE "end"("begin", [end], of);
    CREATE TRIGGER begin AFTER UPDATE OF begin, end ON begin WHEN new.begin <> (SELECT end FROM "end") BEGIN
      UPDATE begin SET end = begin; SELECT end FROM begin; SELECT 1 AS end;
    END;
    CREATE TEMP TRIGGER "BEGIN" AFTER INSERT ON begin BEGIN DELETE FROM "end"; END;`,
  'a byte order mark, CRLF and comments': `\uFEFF-- first; it's "one"\r\nCREATE TABLE [a b](\r\n\tx INT, -- ; '\r\n\ty)\r\n;\r\n/* ; ' */\r\nCREATE VIEW v AS SELECT 'a;\r\nb' AS c FROM [a b];\r\n`,
  'names in other alphabets': `
    CREATE TABLE замовлення(№ INTEGER, "назва; товару" TEXT DEFAULT '—;—'); CREATE INDEX 😀 ON замовлення("назва; товару");`,
  'the recipe for a table rebuild': `
    CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE INDEX i ON t(a);
    PRAGMA foreign_keys=OFF; BEGIN; CREATE TABLE new_t(id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT '');
    INSERT INTO new_t SELECT id, a FROM t; DROP TABLE t; ALTER TABLE new_t RENAME TO t; CREATE INDEX i ON t(a);
    PRAGMA foreign_key_check; COMMIT; PRAGMA foreign_keys=ON;`,
  'a comment that is never closed': 'CREATE TABLE t(a); /* the rest; CREATE TABLE u(a);',
};

interface StoredObject {
  readonly type: string;
  readonly name: string;
  readonly sql: string | null;
}

const schemaAfter = (work: (database: Database.Database) => void): readonly StoredObject[] => {
  const database = new Database(':memory:');
  try {
    work(database);
    return database.prepare<[], StoredObject>('SELECT type, name, sql FROM sqlite_schema').all();
  } finally {
    database.close();
  }
};

const comparable = (schema: readonly StoredObject[]): unknown =>
  schema.map(({ type, name, sql }) => ({ type, name: asciiLower(name), sql: sql && normaliseSql(sql) }));

const accepts = (database: Database.Database, sql: string): boolean => {
  try {
    database.prepare(sql);
    return true;
  } catch {
    return false;
  }
};

describe('the SQL lexer beside SQLite', () => {
  for (const [name, script] of Object.entries(SCRIPTS)) {
    it(`splits ${name} into statements that leave the same schema as the whole script`, () => {
      const oneByOne = schemaAfter((database) => {
        for (const { sql } of splitStatements(script)._unsafeUnwrap()) {
          const statement = database.prepare(sql);
          if (statement.reader) statement.all();
          else statement.run();
        }
      });
      expect(oneByOne).to.deep.equal(schemaAfter((database) => database.exec(script)));
      expect(oneByOne).not.to.deep.equal([]);
    });

    it(`normalises ${name} into statements that SQLite takes for the same`, () => {
      const statements = splitStatements(script)._unsafeUnwrap();
      const original = schemaAfter((database) => statements.forEach(({ sql }) => database.exec(sql)));
      const normalised = schemaAfter((database) => statements.forEach(({ sql }) => database.exec(normaliseSql(sql))));
      expect(comparable(normalised)).to.deep.equal(comparable(original));
    });
  }

  it('ends a token where SQLite does: a literal or a name that is one token here is one there', () => {
    const database = new Database(':memory:');
    const text = fc
      .array(fc.constantFrom('1', '0x', '_', '.', 'e', '-', 'a', 'x', "'", '"', '[', ']', '`', '\n', '/*', '*/', ' '), {
        minLength: 1,
        maxLength: 8,
      })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (sql) => {
        const tokens = tokenize(sql);
        const [only] = tokens;
        const isValue =
          tokens.length === 1 && (only?.kind === 'string' || only?.kind === 'quoted') && !only.unterminated;
        // After AS stands exactly one name; a string is one too.
        if (isValue) expect(accepts(database, `SELECT 1 AS ${sql}`), sql).to.equal(true);
        if (tokens.length > 0 && tokens.every((token) => token.kind === 'comment' || token.kind === 'space')) {
          expect(accepts(database, `SELECT 1 ${sql}`), sql).to.equal(true);
        }
        if (only?.unterminated && only.kind !== 'comment')
          expect(accepts(database, `SELECT 1 AS ${sql}`)).to.equal(false);
      }),
      { numRuns: 3000 },
    );
    database.close();
  });
});
