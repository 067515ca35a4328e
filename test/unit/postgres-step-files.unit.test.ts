// Step files for PostgreSQL: which of them run outside of a transaction without saying so, and which are refused before they run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import type { Script, ScriptSplitter } from '#src/core/ports/script-splitter.js';
import type { StepSourceError } from '#src/core/ports/step-source.js';
import { migrateError } from '#src/core/errors/migrate-error.js';
import { MigrationStep } from '#src/core/steps/migration-step.js';
import { LazyPostgresSplitter } from '#src/dao/dialects/postgres/script-splitter.js';
import { DirectorySource } from '#src/steps/directory-source.js';
import { readSqlStep } from '#src/steps/sql-step.js';

describe('an SQL step for PostgreSQL', () => {
  const splitter = new LazyPostgresSplitter();
  before(() => splitter.prepare());

  const read = (up: string, down?: string) =>
    readSqlStep(
      { file: 'up.sql', text: up },
      down === undefined ? undefined : { file: 'down.sql', text: down },
      splitter,
    );
  const step = (up: string, down?: string): MigrationStep => new MigrationStep(1, 'd', read(up, down)._unsafeUnwrap());
  const places = (up: string, down?: string): string[] =>
    (['apply', 'revert'] as const).map((direction) => (step(up, down).isTransactional(direction) ? 'own' : 'none'));
  const refused = (up: string, down?: string): Extract<StepSourceError, { kind: 'step-script' }> => {
    const error = read(up, down)._unsafeUnwrapErr();
    if (error.kind !== 'step-script') throw new Error(error.kind);
    return error;
  };

  const cases: readonly (readonly [why: string, up: string, down: string | undefined, places: readonly string[]])[] = [
    ['plain statements', 'CREATE TABLE t (x int)', 'DROP TABLE t', ['own', 'own']],
    [
      'nothing but statements that need it',
      'CREATE INDEX CONCURRENTLY i ON t (x); VACUUM t',
      undefined,
      ['none', 'none'],
    ],
    [
      'settings around such a statement',
      'SET lock_timeout = 0; CREATE INDEX CONCURRENTLY i ON t (x); ANALYZE t; RESET lock_timeout',
      undefined,
      ['none', 'none'],
    ],
    ['settings alone', 'SET search_path = a; ANALYZE', undefined, ['own', 'own']],
    ['each direction by itself', 'CREATE INDEX CONCURRENTLY i ON t (x)', 'DROP INDEX i', ['none', 'own']],
    ['a revert that needs it', 'CREATE INDEX i ON t (x)', 'DROP INDEX CONCURRENTLY i', ['own', 'none']],
    [
      'both by the directive',
      '-- migrate-safe: no-transaction\nCREATE INDEX i ON t (x)',
      'DROP INDEX i',
      ['none', 'none'],
    ],
    [
      'both by the directive, however mixed',
      '-- migrate-safe: no-transaction\nCREATE TABLE t (x int); VACUUM t',
      undefined,
      ['none', 'none'],
    ],
    ['a value that is added to an enum', `ALTER TYPE mood ADD VALUE 'x'`, undefined, ['own', 'own']],
  ];
  for (const [why, up, down, expected] of cases) {
    it(`runs where it can: ${why}`, () => {
      expect(places(up, down)).to.deep.equal(expected);
    });
  }

  it('is refused where what cannot be in a transaction stands beside what belongs into one', () => {
    const error = refused('CREATE TABLE t (x int);\n\nCREATE INDEX CONCURRENTLY i\n  ON t (x);');
    expect(error).to.deep.equal({
      kind: 'step-script',
      file: 'up.sql',
      line: 3,
      reason: 'CREATE INDEX CONCURRENTLY i ON t (x) cannot run in a transaction, and line 1 belongs into one',
      advice: 'Put it in a step of its own, which then runs outside of a transaction by itself. Nothing was run.',
    });
    const { message, hint, exitCode } = migrateError(error);
    expect({ message, hint, exitCode }).to.deep.equal({
      message: `up.sql:3: ${error.reason}`,
      hint: error.advice,
      exitCode: 2,
    });
    expect(refused('SELECT 1', 'SELECT 1;\nDROP DATABASE x')).to.include({ file: 'down.sql', line: 2 });
    expect(refused(`${' '.repeat(3)}VACUUM;\nUPDATE t SET x = 1 WHERE y = 2`).reason).to.equal(
      'VACUUM cannot run in a transaction, and line 2 belongs into one',
    );
  });

  it('is refused where BEGIN and COMMIT are around what cannot be between them', () => {
    expect(refused('BEGIN;\nVACUUM;\nCOMMIT;')).to.deep.include({
      line: 2,
      reason: 'VACUUM cannot run in a transaction, and BEGIN … COMMIT is around it',
    });
  });

  it('says of a whole script that it loses nothing, and can be repeated', () => {
    const index = step('CREATE INDEX CONCURRENTLY i ON t (x); ANALYZE t', 'DROP INDEX CONCURRENTLY i');
    expect([index.losesNothing('apply'), index.losesNothing('revert'), index.isRepeatable('apply')]).to.deep.equal([
      true,
      true,
      true,
    ]);
    const detach = step('ALTER TABLE p DETACH PARTITION q CONCURRENTLY', 'SELECT 1');
    expect([detach.losesNothing('apply'), detach.isRepeatable('apply'), detach.losesNothing('revert')]).to.deep.equal([
      false,
      true,
      false,
    ]);
    const mixed = step('-- migrate-safe: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (x); DELETE FROM t');
    expect([mixed.losesNothing('apply'), mixed.isRepeatable('apply')]).to.deep.equal([false, false]);
  });

  it('groups only what only adds', () => {
    const facts = (up: string) => {
      const { apply } = read(up)._unsafeUnwrap();
      return typeof apply === 'function' ? [] : apply.map(({ onlyAdds }) => onlyAdds);
    };
    expect(facts('CREATE TABLE t (x int); INSERT INTO t VALUES (1); UPDATE t SET x = 2')).to.deep.equal([
      true,
      true,
      false,
    ]);
  });

  describe('that adds a value to an enum', () => {
    const using: readonly string[] = [
      `ALTER TYPE mood ADD VALUE 'x';\nINSERT INTO t VALUES ('x')`,
      `ALTER TYPE s.mood ADD VALUE IF NOT EXISTS 'x' BEFORE 'y';\nUPDATE t SET m = 'x'::mood`,
      `alter type mood add value 'it''s';\nALTER TABLE t ALTER m SET DEFAULT 'it''s'`,
      `CREATE TYPE other AS ENUM ('a'); ALTER TYPE mood ADD VALUE 'x';\nSELECT 'x'`,
    ];
    for (const script of using) {
      it(`is refused where it uses the value: ${script}`, () => {
        const value = script.includes('it') ? `it's` : 'x';
        expect(refused(script)).to.deep.include({
          line: 2,
          reason: `'${value}' is added to its type in line 1, and cannot be used before that is committed`,
          advice: 'Put what uses the value in the next step. Nothing was run.',
        });
        // Without a transaction each statement is committed before the next.
        expect(places(`-- migrate-safe: no-transaction\n${script}`)).to.deep.equal(['none', 'none']);
      });
    }
    for (const script of [
      `INSERT INTO t VALUES ('x'); ALTER TYPE mood ADD VALUE 'x'`,
      `ALTER TYPE mood ADD VALUE 'x'; ALTER TYPE mood ADD VALUE 'y' AFTER 'x'`,
      `ALTER TYPE mood ADD VALUE 'x'; ALTER TYPE mood RENAME VALUE 'x' TO 'y'`,
      `ALTER TYPE mood ADD VALUE 'x'; COMMENT ON TYPE mood IS 'x'`,
      `ALTER TYPE mood ADD VALUE 'x'; INSERT INTO t VALUES ('xx'), ("x")`,
      // From version 17 on the server lets it pass: it has the last word.
      `CREATE TYPE s."Mood" AS ENUM ('a'); ALTER TYPE s."Mood" ADD VALUE 'x'; INSERT INTO t VALUES ('x')`,
    ]) {
      it(`is let run where it does not: ${script}`, () => {
        expect(places(script)).to.deep.equal(['own', 'own']);
      });
    }
  });
});

describe('the splitter of a program', () => {
  it('is to be prepared first', () => {
    expect(() => new LazyPostgresSplitter().split('SELECT 1')).to.throw(/prepared/);
  });
});

describe('a directory of SQL steps', () => {
  it('has its splitter prepared when a body is loaded, and not before', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    writeFileSync(path.join(directory, '0001_x.sql'), 'VACUUM;');
    const own = new LazyPostgresSplitter();
    const asked: string[] = [];
    const splitter: ScriptSplitter = {
      prepare: async () => {
        await own.prepare();
        asked.push('prepared');
      },
      split: (script, options) => {
        asked.push('split');
        return own.split(script, options).map((all): Script => all);
      },
    };
    const source = new DirectorySource({
      directory,
      component: 'main',
      splitter,
      loadModule: () => Promise.resolve({}),
      missing: 'refuse',
    });
    const [candidate] = (await source.candidates())._unsafeUnwrap();
    expect(asked).to.deep.equal([]);
    const step = (await candidate?.load())?._unsafeUnwrap();
    expect(asked).to.deep.equal(['prepared', 'split']);
    expect(step?.isTransactional('apply')).to.equal(false);
    rmSync(directory, { recursive: true });
  });
});
