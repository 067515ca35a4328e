// A journal, a projection or a mirror that somebody changed by hand: `audit` says where, a run refuses and changes nothing, and a way out works.
import { expect } from 'chai';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

const E = 'migrate_safe_events';
const UNLOCK = `DROP TRIGGER ${E}_no_update; DROP TRIGGER ${E}_no_delete; DROP TRIGGER ${E}_in_turn;`;
const COPY = `run_id, component, type, schema_version, recorded_at, actor, data, previous_hash, hash FROM ${E} WHERE position = 3`;

for (const driver of DRIVERS) {
  describe(`a history that was changed by hand (${driver})`, () => {
    let p: Project;
    beforeEach(async () => {
      p = project(driver);
      p.write({
        '0001_a.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');`,
      });
      value(await p.manager().up());
      p.write({ '0002_b.sql': 'CREATE TABLE n (x)' });
    });
    afterEach(() => p.remove());
    const mirror = (): string => path.join(p.backups, readdirSync(p.backups)[0] ?? '', 'journal.ndjson');

    const tampering: Readonly<Record<string, readonly [sql: string, where: RegExp]>> = {
      'whose data was edited': [
        `UPDATE ${E} SET data = replace(data, '0001', '0009') WHERE position = 4`,
        /event 4 is edited/,
      ],
      'whose data is no JSON any more': [`UPDATE ${E} SET data = 'xx' WHERE position = 4`, /event 4 is edited/],
      'whose time was edited': [
        `UPDATE ${E} SET recorded_at = '2020-01-01T00:00:00.000Z' WHERE position = 2`,
        /event 2 is edited/,
      ],
      'whose hash was edited': [
        `UPDATE ${E} SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE position = 5`,
        /event 5 is edited/,
      ],
      'whose type is unknown': [`UPDATE ${E} SET type = 'X' WHERE position = 4`, /event 4 is edited/],
      'that lost a row in the middle': [`DELETE FROM ${E} WHERE position = 4`, /event 4 is missing/],
      'that lost its first row': [`DELETE FROM ${E} WHERE position = 1`, /event 1 is missing/],
      'with a row put at its end': [
        `INSERT INTO ${E} SELECT (SELECT max(position) + 1 FROM ${E}), ${COPY}`,
        /event 8 is edited/,
      ],
      'with a row put before its first': [`INSERT INTO ${E} SELECT 0, ${COPY}`, /event 0 is out-of-order/],
      'with two rows changed for one another': [
        `UPDATE ${E} SET position = -1 WHERE position = 4; UPDATE ${E} SET position = 4 WHERE position = 5; UPDATE ${E} SET position = 5 WHERE position = -1`,
        /event 4 is edited/,
      ],
      'that lost its end': [
        `DELETE FROM ${E} WHERE position > 5`,
        /ends at event 5, its mirror in the backups at event 7/,
      ],
      'that was emptied': [`DELETE FROM ${E}`, /ends at event 0, its mirror in the backups at event 7/],
      'whose table was dropped': [`DROP TABLE ${E}`, /ends at event 0, its mirror in the backups at event 7/],
    };
    for (const [name, [sql, where]] of Object.entries(tampering)) {
      it(`finds a journal ${name}, changes nothing, and comes back by a restore`, async () => {
        p.sql(`${UNLOCK} ${sql}`);
        const before = p.dump();
        for (const error of [
          failure(await p.manager().audit()),
          failure(await p.manager().up()),
          failure(await p.manager().down()),
          failure(await p.manager().stamp('head')),
        ]) {
          expect(error).to.include({ exitCode: 3, state: 'needs-attention' });
          expect(error.message).to.match(where);
          expect(error.hint).to.contain('migrate-safe restore --latest');
        }
        expect(p.dump()).to.equal(before);
        value(await p.manager().restore({ choice: { latest: true } }));
        value(await p.manager().audit());
        value(await p.manager().up());
        expect(p.dump()).to.contain(`table n `);
      });
    }

    it('refuses UPDATE, DELETE and INSERT at an existing position', () => {
      for (const sql of [
        `UPDATE ${E} SET data = '{}' WHERE position = 2`,
        `DELETE FROM ${E} WHERE position = 7`,
        `DELETE FROM ${E}`,
        `INSERT INTO ${E} SELECT * FROM ${E} WHERE position = 2`,
        `INSERT OR REPLACE INTO ${E} SELECT * FROM ${E} WHERE position = 2`,
      ]) {
        expect(() => p.sql(sql), sql).to.throw(/append-only|does not end where/);
      }
    });

    for (const sql of [
      `DROP TRIGGER ${E}_no_delete`,
      `DELETE FROM migrate_safe_steps`,
      `DROP TABLE migrate_safe_meta`,
      `CREATE TEMP TABLE ${E} AS SELECT * FROM main.${E}`,
      `CREATE TRIGGER mine AFTER INSERT ON ${E} BEGIN SELECT 1; END`,
      `ALTER TABLE t RENAME TO migrate_safe_t`,
    ]) {
      it(`lets no step do this: ${sql}`, async () => {
        p.write({ '0002_b.sql': `INSERT INTO t VALUES (3, 'c');\n${sql};` });
        const before = p.dump();
        const error = failure(await p.manager().up());
        expect(error).to.include({ kind: 'step-failed', state: 'rolled-back' });
        expect(error.step).to.include({ line: 2 });
        expect(p.dump()).to.equal(before);
        value(await p.manager().audit());
      });
    }

    // From here on it is about what the core makes of it: one driver is enough.
    if (driver === 'better-sqlite3') return;

    const projections: Readonly<Record<string, string>> = {
      'lost its rows': 'DELETE FROM migrate_safe_steps',
      'has another checksum': `UPDATE migrate_safe_steps SET checksum = 'sha256:00'`,
      'has another version': `UPDATE migrate_safe_steps SET version = '0007'`,
      'has a step more': `INSERT INTO migrate_safe_steps VALUES ('main', '0002', 'b', 'applied', 'sha256:x', '2020-01-01T00:00:00.000Z', 1, 3)`,
      'is gone': 'DROP TABLE migrate_safe_steps',
      'notes another database': `UPDATE migrate_safe_meta SET value = 'ffff' WHERE key = 'database_id'`,
      'notes nothing': 'DELETE FROM migrate_safe_meta',
    };
    for (const [name, sql] of Object.entries(projections)) {
      it(`reports a table of steps that ${name}, and the next run writes it again from the journal`, async () => {
        p.sql(sql);
        expect(failure(await p.manager().audit())).to.include({ kind: 'projection-differs', exitCode: 3 });
        expect(value(await p.manager().up()).applied.map(({ version }) => version)).to.deep.equal(['0002']);
        value(await p.manager().audit());
        expect(p.rows('SELECT version FROM migrate_safe_steps ORDER BY version')).to.deep.equal([
          { version: '0001' },
          { version: '0002' },
        ]);
      });
    }

    it('is mended by the command that the report names, also with nothing pending', async () => {
      value(await p.manager().up());
      p.sql(`UPDATE migrate_safe_steps SET checksum = 'sha256:00'`);
      expect(failure(await p.manager().audit()).hint).to.contain('migrate-safe backup create');
      value(await p.manager().createBackup());
      value(await p.manager().audit());
    });

    const whole: Readonly<Record<string, (text: string) => string | undefined>> = {
      'has a torn last line': (text) => text.slice(0, -20),
      'has a torn line more': (text) => `${text}{"position":8,"é`,
      'is two events behind': (text) => `${text.trimEnd().split('\n').slice(0, -2).join('\n')}\n`,
      'is empty': () => '',
      'was deleted': () => undefined,
    };
    for (const [name, change] of Object.entries(whole)) {
      it(`catches up a mirror that ${name}`, async () => {
        const text = change(readFileSync(mirror(), 'utf8'));
        if (text === undefined) rmSync(mirror());
        else writeFileSync(mirror(), text);
        value(await p.manager().up());
        value(await p.manager().audit());
        const hashes = readFileSync(mirror(), 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => (JSON.parse(line) as { hash: string }).hash);
        expect(hashes).to.deep.equal(value(await p.manager().history()).map(({ hash }) => hash));
      });
    }

    const changed: Readonly<Record<string, readonly [(text: string) => string, RegExp]>> = {
      'was edited': [
        (text) => text.replace('"StepApplied"', '"StepReverted"'),
        /mirror is not what was written: event 6 is edited/,
      ],
      'has a line that is none': [(text) => `garbage\n${text}`, /event 1 is edited/],
      'has a line twice': [(text) => `${text}${text.split('\n')[6]}\n`, /event 7 is out-of-order/],
    };
    for (const [name, [change, where]] of Object.entries(changed)) {
      it(`refuses to go on beside a mirror that ${name}; moved away, it is written anew`, async () => {
        const before = p.dump();
        writeFileSync(mirror(), change(readFileSync(mirror(), 'utf8')));
        for (const error of [failure(await p.manager().audit()), failure(await p.manager().up())]) {
          expect(error).to.include({ kind: 'chain-broken', exitCode: 3 });
          expect(error.message).to.match(where);
          // The database is whole: the advice must not cost its data.
          expect(error.hint).to.contain('journal.ndjson').and.not.to.contain('restore');
        }
        expect(p.dump()).to.equal(before);
        renameSync(mirror(), `${mirror()}.evidence`);
        value(await p.manager().up());
        value(await p.manager().audit());
      });
    }
  });
}
