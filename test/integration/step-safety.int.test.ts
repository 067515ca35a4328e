// The promise about data, on both drivers: what a step did not declare to lose is all there afterwards.
import { expect } from 'chai';
import { copyFileSync } from 'node:fs';
import knexFactory, { type Knex } from 'knex';
import { MigrationStep, type StepDefinition } from 'migrate-safe';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

const FAMILY = `
  CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT, extra TEXT);
  CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL REFERENCES parent(id) ON DELETE CASCADE, v TEXT);
  CREATE TABLE link (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent(id) ON DELETE SET NULL);
  CREATE TABLE log (what TEXT);
  CREATE INDEX parent_name ON parent(name);
  CREATE VIEW names AS SELECT id, name FROM parent;
  CREATE TRIGGER parent_log AFTER INSERT ON parent BEGIN INSERT INTO log VALUES ('added ' || NEW.name); END;
  INSERT INTO parent (id, name, note, extra) VALUES (1,'a','x',NULL),(2,'b','y',NULL),(3,'c',NULL,NULL);
  INSERT INTO child VALUES (1,1,'one'),(2,2,'two'),(3,3,'three');
  INSERT INTO link VALUES (1,1),(2,2),(3,3);
`;

for (const driver of DRIVERS) {
  describe(`a step that rebuilds a table (${driver})`, () => {
    let p: Project;
    let host: Knex | undefined;
    beforeEach(() => {
      p = project(driver);
      p.write({ '0001_family.up.sql': FAMILY });
    });
    afterEach(async () => {
      await host?.destroy();
      host = undefined;
      p.remove();
    });

    const family = (): unknown => ({
      children: p.rows('SELECT id, parent_id, v FROM child ORDER BY id'),
      links: p.rows('SELECT id, parent_id FROM link ORDER BY id'),
      triggers: p.rows(`SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name NOT LIKE 'migrate%'`),
      views: p.rows('SELECT * FROM names ORDER BY id'),
      indexes: p.rows(`SELECT name FROM sqlite_schema WHERE name = 'parent_name'`),
    });
    const whole = {
      children: [
        { id: 1, parent_id: 1, v: 'one' },
        { id: 2, parent_id: 2, v: 'two' },
        { id: 3, parent_id: 3, v: 'three' },
      ],
      links: [
        { id: 1, parent_id: 1 },
        { id: 2, parent_id: 2 },
        { id: 3, parent_id: 3 },
      ],
      triggers: [{ name: 'parent_log' }],
      views: [
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
        { id: 3, name: 'c' },
      ],
      indexes: [{ name: 'parent_name' }],
    };

    const rebuilds: Readonly<Record<string, StepDefinition>> = {
      'knex dropColumn': { apply: (knex) => knex.schema.alterTable('parent', (t) => t.dropColumn('extra')) },
      'knex alter': {
        apply: (knex) => knex.schema.alterTable('parent', (t) => void t.string('name', 50).notNullable().alter()),
      },
      'knex dropNullable': {
        apply: (knex) =>
          knex('parent')
            .update({ extra: '' })
            .then(() => knex.schema.alterTable('parent', (t) => t.dropNullable('extra'))),
      },
      'knex dropColumn in a nested transaction': {
        apply: ({ knex }) => knex.transaction((trx) => trx.schema.alterTable('parent', (t) => t.dropColumn('extra'))),
      },
      'raw SQL': {
        apply: (knex) =>
          knex.raw(`CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT);
            INSERT INTO parent_new SELECT id, name, note FROM parent; DROP TABLE parent; ALTER TABLE parent_new RENAME TO parent;`),
      },
    };
    for (const [name, definition] of Object.entries(rebuilds)) {
      it(`keeps children, links, triggers, views and indexes: ${name}`, async () => {
        const safe = p.manager();
        safe.addMigration(new MigrationStep(2, name, definition));
        value(await safe.up());
        expect(family()).to.deep.equal(whole);
      });

      it(`keeps them with the host's own knex that has foreign keys on: ${name}`, async () => {
        host = knexFactory({
          client: driver,
          connection: { filename: p.file },
          useNullAsDefault: true,
          pool: {
            min: 1,
            max: 1,
            afterCreate: (
              raw: { run?: (sql: string, done: () => void) => void; pragma?: (sql: string) => void },
              done: () => void,
            ) => (raw.run ? raw.run('PRAGMA foreign_keys = ON', done) : (raw.pragma?.('foreign_keys = ON'), done())),
          },
        });
        await host.raw('SELECT 1');
        const safe = p.manager({ database: host });
        safe.addMigration(new MigrationStep(2, name, definition));
        value(await safe.up());
        expect(await host('child').count({ n: '*' })).to.deep.equal([{ n: 3 }]);
        await host.destroy();
        expect(family()).to.deep.equal(whole);
      });
    }

    it('keeps them in an SQL file that follows the recipe of the manual', async () => {
      p.write({
        '0002_rebuild.up.sql': `PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT);
INSERT INTO parent_new SELECT id, name, note FROM parent;
DROP TABLE parent;
ALTER TABLE parent_new RENAME TO parent;
PRAGMA foreign_key_check;
COMMIT;
PRAGMA foreign_keys=ON;`,
      });
      value(await p.manager().up());
      expect(family()).to.deep.equal(whole);
    });

    it('keeps them in an SQL file that renames the old table out of the way first', async () => {
      p.write({
        '0002_rebuild.sql': `ALTER TABLE parent RENAME TO parent_old;
CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT);
INSERT INTO parent SELECT id, name, note FROM parent_old;
DROP TABLE parent_old;`,
      });
      value(await p.manager().up());
      expect(family()).to.deep.equal(whole);
    });

    it('lets references follow a real rename', async () => {
      p.write({
        '0002_rename.sql': 'ALTER TABLE parent RENAME TO person; ALTER TABLE person RENAME COLUMN name TO full_name;',
      });
      value(await p.manager().up());
      expect(p.rows(`SELECT "table" FROM pragma_foreign_key_list('child')`)).to.deep.equal([{ table: 'person' }]);
      expect(p.rows('SELECT full_name FROM names ORDER BY id')).to.deep.equal([
        { full_name: 'a' },
        { full_name: 'b' },
        { full_name: 'c' },
      ]);
      expect(p.rows('SELECT count(*) AS n FROM child')).to.deep.equal([{ n: 3 }]);
    });
  });

  describe(`the guard (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write({ '0001_family.up.sql': FAMILY });
      value(await p.manager().up());
    });
    afterEach(() => p.remove());

    const refused: Readonly<Record<string, readonly [sql: string, finding: RegExp, line: string]>> = {
      'a deletion': [
        'DELETE FROM child WHERE id < 3',
        /would lose 2 rows of child.*child 1, 2/,
        '-- migrate-safe: may-lose-rows table=child',
      ],
      'a deletion of everything': [
        'DELETE FROM child',
        /would lose 3 rows of child/,
        '-- migrate-safe: may-lose-rows table=child',
      ],
      'a replace that deletes another row': [
        "CREATE UNIQUE INDEX child_v ON child(v); REPLACE INTO child VALUES (9, 1, 'one')",
        /would lose 1 row of child/,
        '-- migrate-safe: may-lose-rows table=child',
      ],
      'a dropped table': [
        'DROP TABLE child',
        /would drop table child with its 3 rows/,
        '-- migrate-safe: may-drop table=child',
      ],
      'a dropped column': [
        'ALTER TABLE parent DROP COLUMN note',
        /would drop column parent.note, which has a value in 2 rows/,
        '-- migrate-safe: may-drop column=parent.note',
      ],
      'values that become NULL': [
        'UPDATE parent SET note = NULL',
        /would set parent.note to NULL in 2 rows/,
        '-- migrate-safe: may-null column=parent.note',
      ],
      'a cascade that was asked for': [
        '-- migrate-safe: foreign-keys on\n-- migrate-safe: may-lose-rows table=parent\nDELETE FROM parent WHERE id = 1',
        /would lose 1 row of child/,
        '-- migrate-safe: may-lose-rows table=child',
      ],
      'rows left without a parent': [
        '-- migrate-safe: may-lose-rows table=parent\nDELETE FROM parent WHERE id = 1',
        /would leave 1 row of child pointing at rows of parent/,
        '',
      ],
      'a view that no longer compiles': [
        '-- migrate-safe: may-drop column=parent.name\nCREATE TABLE p2 (id INTEGER PRIMARY KEY, note TEXT, extra TEXT); INSERT INTO p2 SELECT id, note, extra FROM parent; DROP TRIGGER parent_log; DROP INDEX parent_name; DROP TABLE parent; ALTER TABLE p2 RENAME TO parent',
        /would lose view names.*no such column: name/,
        '-- migrate-safe: may-drop view=names',
      ],
    };
    for (const [name, [sql, finding, line]] of Object.entries(refused)) {
      it(`refuses ${name}, and leaves everything as it was`, async () => {
        const before = p.dump();
        p.write({ '0002_loss.sql': sql });
        const error = failure(await p.manager().up());
        expect(error).to.include({ kind: 'guard-refused', code: 'MS-GUARD-LOSS', exitCode: 1, state: 'rolled-back' });
        expect(error.message).to.match(finding);
        if (line !== '') expect(error.hint).to.contain(line);
        expect(p.dump()).to.equal(before);
      });

      if (line !== '') {
        it(`allows ${name} once every line that it prints is added`, async () => {
          let text = sql;
          for (let round = 0; round < 4; round++) {
            p.write({ '0002_loss.sql': text });
            const outcome = await p.manager().up();
            if (outcome.isOk()) return;
            expect(outcome.error.kind).to.equal('guard-refused');
            const lines = outcome.error.hint.split('\n').filter((one) => one.includes('-- migrate-safe:'));
            text = `${lines.map((one) => one.trim()).join('\n')}\n${text}`;
          }
          expect.fail('what it prints did not allow it');
        });
      }
    }

    it('refuses a rebuild that drops a CHECK', async () => {
      p.write({
        '0002_check.sql':
          'CREATE TABLE c (id INTEGER PRIMARY KEY, n INTEGER CHECK (n > 0)); INSERT INTO c VALUES (1, 1);',
      });
      value(await p.manager().up());
      p.write({
        '0003_uncheck.sql':
          'CREATE TABLE c2 (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO c2 SELECT * FROM c; DROP TABLE c; ALTER TABLE c2 RENAME TO c;',
      });
      const error = failure(await p.manager().up());
      expect(error.message).to.match(/would lose check .* of table c/);
      expect(error.hint).to.contain('may-drop check=c.check');
      p.write({
        '0003_uncheck.sql':
          '-- migrate-safe: may-drop check=c.check\nCREATE TABLE c2 (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO c2 SELECT * FROM c; DROP TABLE c; ALTER TABLE c2 RENAME TO c;',
      });
      value(await p.manager().up());
    });

    it('refuses a rebuild that drops a UNIQUE, and lets its own revert do it', async () => {
      const rebuilt = (columns: string): string =>
        `CREATE TABLE u2 (${columns}); INSERT INTO u2 SELECT * FROM u; DROP TABLE u; ALTER TABLE u2 RENAME TO u;`;
      const [loose, strict] = ['id INTEGER PRIMARY KEY, email TEXT', 'id INTEGER PRIMARY KEY, email TEXT UNIQUE'];
      p.write({
        '0002_u.sql': `CREATE TABLE u (${loose}); INSERT INTO u VALUES (1, 'a');`,
        '0003_strict.sql': `-- migrate-safe:up\n${rebuilt(strict)}\n-- migrate-safe:down\n${rebuilt(loose)}`,
      });
      value(await p.manager().up());
      expect(value(await p.manager().down()).reverted[0]).to.include({ schemaRestored: true });
      value(await p.manager().up());
      p.write({ '0004_loose.sql': rebuilt(loose) });
      const error = failure(await p.manager().up());
      expect(error.message).to.match(/would lose unique .* of table u, .*UNIQUE \(email\)/);
      expect(error.hint).to.contain('may-drop unique=u.unique');
      p.write({ '0004_loose.sql': `${rebuilt(loose)} CREATE UNIQUE INDEX u_email ON u(email);` });
      value(await p.manager().up());
      p.write({
        '0005_strict.sql': rebuilt(strict),
        '0006_loose.sql': `-- migrate-safe: may-drop unique=u.unique\n${rebuilt(loose)}`,
      });
      value(await p.manager().up());
    });

    it('lets go what holds nothing: an empty table, a column of NULLs', async () => {
      p.write({ '0002_empty.sql': 'CREATE TABLE e (x); DROP TABLE e; ALTER TABLE parent DROP COLUMN extra;' });
      value(await p.manager().up());
    });

    it('only warns where it is told to, and looks away where it is off', async () => {
      p.write({ '0002_loss.sql': 'DELETE FROM child' });
      const safe = p.manager({ guard: 'warn' });
      const warnings: string[] = [];
      safe.onProgress((progress) => progress.kind === 'guard-warning' && warnings.push(progress.finding.kind));
      value(await safe.up());
      expect(warnings).to.deep.equal(['rows-deleted']);
    });

    it('tells exactly what a step did to each table', async () => {
      p.write({
        '0002_work.sql': `INSERT INTO parent (name) VALUES ('d'), ('e'); UPDATE child SET v = v || '!' WHERE id > 1; UPDATE link SET parent_id = parent_id;`,
      });
      const { applied } = value(await p.manager().up());
      expect(applied[0]?.effects.tables).to.deep.equal({
        child: { inserted: 0, updated: 2, deleted: 0 },
        log: { inserted: 2, updated: 0, deleted: 0 },
        parent: { inserted: 2, updated: 0, deleted: 0 },
      });
    });

    it('judges new foreign key violations only', async () => {
      p.sql('INSERT INTO child VALUES (77, 4711, NULL)');
      p.write({ '0002_more.sql': `INSERT INTO child VALUES (5, 1, 'x')` });
      value(await p.manager().up());
    });
  });
}

for (const driver of DRIVERS) {
  describe(`effects on a column that the step itself added (${driver})`, () => {
    let p: Project;
    before(async () => {
      p = project(driver);
      p.write({
        '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1,'a'),(2,'b'),(3,'c');`,
      });
      value(await p.manager().up());
    });
    after(() => p.remove());

    const cases: readonly (readonly [name: string, sql: string, updated: number])[] = [
      ['counts the rows that it wrote', `ALTER TABLE t ADD COLUMN b TEXT; UPDATE t SET b = 'x' WHERE id < 3;`, 2],
      ['counts none where it only added', 'ALTER TABLE t ADD COLUMN c TEXT;', 0],
      [
        'counts none that hold the default',
        `ALTER TABLE t ADD COLUMN d REAL DEFAULT 0; ALTER TABLE t ADD COLUMN e TEXT NOT NULL DEFAULT 'it''s'; ALTER TABLE t ADD COLUMN f INTEGER DEFAULT -1;`,
        0,
      ],
      [
        'counts those that do not',
        `ALTER TABLE t ADD COLUMN g TEXT DEFAULT 'x'; UPDATE t SET g = 'y' WHERE id = 1;`,
        1,
      ],
      ['counts a row once', `ALTER TABLE t ADD COLUMN h TEXT; UPDATE t SET h = 'y', v = 'z';`, 3],
    ];
    for (const [index, [name, sql, updated]] of cases.entries()) {
      it(name, async () => {
        p.write({ [`000${index + 2}_s.sql`]: sql });
        const tables = value(await p.manager().up()).applied[0]?.effects.tables;
        expect(tables).to.deep.equal(updated === 0 ? {} : { t: { inserted: 0, updated, deleted: 0 } });
      });
    }
  });
}

for (const driver of DRIVERS) {
  describe(`a table that is made anew and renamed in one step (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write({ '0001_family.up.sql': FAMILY.replace(/CREATE VIEW.*\n/, '') });
      value(await p.manager().up());
    });
    afterEach(() => p.remove());
    const both = (extra: StepDefinition['declares']) => {
      const safe = p.manager();
      const apply: StepDefinition['apply'] = async (knex) => {
        await knex.schema.alterTable('parent', (t) => t.dropColumn('extra'));
        await knex.schema.renameTable('parent', 'person');
        if (extra?.mayLoseRows === undefined) await knex('child').where({ id: 1 }).update({ v: 'x' });
        else await knex('person').where({ id: 3 }).del();
      };
      safe.addMigration(new MigrationStep(2, 'both', { apply, ...(extra ? { declares: extra } : {}) }));
      return safe;
    };

    it('is followed, and what it took with it is a finding', async () => {
      const before = p.dump();
      const error = failure(await both(undefined).up());
      expect(error.message)
        .to.match(/would lose trigger parent_log .*in two/)
        .and.not.to.match(/drop table/);
      expect(p.dump()).to.equal(before);
    });

    it('is compared row by row', async () => {
      const error = failure(await both({ mayDrop: ['parent_log', 'parent_name'], mayLoseRows: [] }).up());
      expect(error.message).to.match(/would lose 1 row of parent/);
    });
  });
}

for (const driver of DRIVERS) {
  describe(`effects of inserts (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write({
        '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1,'a'),(2,'b'),(3,'c');
          CREATE TABLE r (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, v TEXT); INSERT INTO r VALUES (1,'a'),(2,'b');
          CREATE TABLE u (id INTEGER PRIMARY KEY, v TEXT UNIQUE); INSERT INTO u VALUES (1,'a'),(2,'b');
          CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w VALUES ('a', 1);`,
      });
      value(await p.manager().up());
    });
    afterEach(() => p.remove());
    const none = { inserted: 0, updated: 0, deleted: 0 };

    const cases: readonly (readonly [name: string, sql: string, tables: object])[] = [
      [
        'plain',
        `INSERT INTO t (v) VALUES ('x'), ('y'); INSERT INTO t (v) SELECT v FROM t;`,
        { t: { ...none, inserted: 7 } },
      ],
      ['OR IGNORE', `INSERT OR IGNORE INTO t VALUES (1,'x'), (9,'y');`, { t: { ...none, inserted: 1 } }],
      ['WITHOUT ROWID', `INSERT INTO w VALUES ('b', 2), ('c', 3);`, { w: { ...none, inserted: 2 } }],
      [
        'OR REPLACE on the rowid',
        `INSERT OR REPLACE INTO t VALUES (1,'x'), (9,'y');`,
        { t: { ...none, inserted: 1, updated: 1 } },
      ],
      ['REPLACE', `REPLACE INTO t VALUES (1,'x'), (2,'b'), (9,'y');`, { t: { ...none, inserted: 1, updated: 1 } }],
      [
        'a table that replaces by itself',
        `INSERT INTO r VALUES (1,'x'), (9,'y');`,
        { r: { ...none, inserted: 1, updated: 1 } },
      ],
      [
        'an upsert',
        `INSERT INTO u VALUES (1,'x'), (9,'y') ON CONFLICT (id) DO UPDATE SET v = excluded.v;`,
        { u: { ...none, inserted: 1, updated: 1 } },
      ],
      [
        'an upsert that does nothing',
        `INSERT INTO u VALUES (1,'x'), (9,'y') ON CONFLICT DO NOTHING;`,
        { u: { ...none, inserted: 1 } },
      ],
      ['with RETURNING', `INSERT INTO t (v) VALUES ('x') RETURNING id;`, { t: { ...none, inserted: 1 } }],
      [
        'and an update',
        `INSERT INTO t (v) VALUES ('x'); UPDATE t SET v = 'z' WHERE id = 1;`,
        { t: { ...none, inserted: 1, updated: 1 } },
      ],
      [
        'and a way back to a savepoint',
        `SAVEPOINT s; INSERT INTO t (v) VALUES ('x'); ROLLBACK TO s; RELEASE s; INSERT INTO t (v) VALUES ('y');`,
        { t: { ...none, inserted: 1 } },
      ],
      [
        'into a table that gets a trigger first',
        `CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE u SET v = v || '!'; END; INSERT INTO t (v) VALUES ('x');`,
        { t: { ...none, inserted: 1 }, u: { ...none, updated: 2 } },
      ],
      [
        'into a column that it adds',
        `ALTER TABLE t ADD COLUMN n INTEGER; INSERT INTO t (v, n) VALUES ('x', 1);`,
        { t: { ...none, inserted: 1 } },
      ],
    ];
    for (const [name, sql, tables] of cases) {
      it(`are exact: ${name}`, async () => {
        p.write({ '0002_i.sql': sql });
        for (const fileBackup of ['each-step', 'never'] as const) {
          const copy = project(driver);
          copyFileSync(p.file, copy.file);
          const report = value(
            await p
              .manager({ database: `sqlite:${copy.file}?driver=${driver}`, backups: copy.backups, fileBackup })
              .up(),
          );
          expect(report.applied[0]?.effects.tables, fileBackup).to.deep.equal(tables);
          copy.remove();
        }
      });
    }

    it('are exact when some fail and are caught, half-way too', async () => {
      const safe = p.manager();
      safe.addMigration(
        new MigrationStep(2, 'or fail', {
          apply: async (knex) => {
            await knex('t').insert({ v: 'x' });
            await knex.raw(`INSERT OR FAIL INTO t VALUES (20,'x'), (1,'again')`).catch(() => undefined);
            await knex('t')
              .insert({ id: 1, v: 'again' })
              .catch(() => undefined);
            await knex.raw(`INSERT INTO t (v) VALUES (?)`, ['y']);
          },
        }),
      );
      expect(value(await safe.up()).applied[0]?.effects.tables).to.deep.equal({ t: { ...none, inserted: 3 } });
    });
  });
}
