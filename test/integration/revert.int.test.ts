// Reverts, stamps, and what the history says of them.
import { expect } from 'chai';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { MigrationStep } from 'migrate-safe';
import { failure, project, value, type Project } from '../support/project.js';

const FILES = {
  '0001_shop.up.sql': 'CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);',
  '0001_shop.down.sql': 'DROP TABLE customers;',
  '0002_email.up.sql': 'ALTER TABLE customers ADD COLUMN email TEXT;',
  '0002_email.down.sql': 'ALTER TABLE customers DROP COLUMN email;',
} as const;

describe('down and stamp', () => {
  let p: Project;
  beforeEach(() => {
    p = project();
    p.write(FILES);
  });
  afterEach(() => p.remove());

  it('reverts one step by default, and says that the schema is what it was', async () => {
    value(await p.manager().up());
    const report = value(await p.manager().down());
    expect(report.reverted.map(({ version, schemaRestored }) => ({ version, schemaRestored }))).to.deep.equal([
      { version: '0002', schemaRestored: true },
    ]);
    expect(report.current).to.equal('0001');
    expect(value(await p.manager().status())).to.include({ current: '0001', pending: 1 });
  });

  it('goes up, down and up again', async () => {
    value(await p.manager().up());
    const whole = p.dump();
    value(await p.manager().down({ target: { to: 'base' } }));
    expect(p.dump()).to.equal('');
    value(await p.manager().up());
    expect(p.dump()).to.equal(whole);
    value(await p.manager().audit());
  });

  it('may remove what its own apply created, with the rows that came since', async () => {
    value(await p.manager().up());
    p.sql(`INSERT INTO customers VALUES (1, 'a', 'a@x'), (2, 'b', NULL)`);
    expect(value(await p.manager().down()).reverted[0]?.schemaRestored).to.equal(true);
    expect(p.rows('SELECT * FROM customers')).to.deep.equal([
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ]);
  });

  it('may not remove rows that its apply did not insert', async () => {
    p.write({
      '0003_seed.up.sql': `INSERT INTO customers (name) VALUES ('seed');`,
      '0003_seed.down.sql': 'DELETE FROM customers;',
    });
    value(await p.manager().up());
    p.sql(`INSERT INTO customers (name) VALUES ('user'), ('other')`);
    const before = p.dump();
    expect(failure(await p.manager().down())).to.include({ kind: 'guard-refused', direction: 'revert' });
    expect(p.dump()).to.equal(before);
    p.write({ '0003_seed.down.sql': `DELETE FROM customers WHERE name = 'seed';` });
    value(await p.manager().down());
  });

  it('reverts no step whose file changed since its apply, or is gone', async () => {
    value(await p.manager().up());
    const before = p.dump();
    const { '0002_email.up.sql': up, '0002_email.down.sql': down } = FILES;
    p.write({ '0002_email.up.sql': `${up} -- and more` });
    expect(failure(await p.manager().down())).to.include({ kind: 'changed-step', exitCode: 3, state: 'unchanged' });
    for (const name of ['0002_email.up.sql', '0002_email.down.sql']) rmSync(path.join(p.steps, name));
    expect(failure(await p.manager().down())).to.include({ kind: 'missing-step', exitCode: 3, state: 'unchanged' });
    expect(p.dump()).to.equal(before);
    p.write({ '0002_email.up.sql': up, '0002_email.down.sql': down });
    value(await p.manager().down());
  });

  it('of a single file cannot be told to declare a loss any more, and says what works', async () => {
    p.write({
      '0003_seed.sql': `-- migrate-safe:up\nINSERT INTO customers (name) VALUES ('seed');\n-- migrate-safe:down\nDELETE FROM customers;`,
    });
    value(await p.manager().up());
    p.sql(`INSERT INTO customers (name) VALUES ('user')`);
    const error = failure(await p.manager().down());
    expect(error).to.include({ kind: 'guard-refused', state: 'rolled-back' });
    expect(error.hint).to.contain('migrate-safe down --guard warn').and.not.contain('-- migrate-safe:');
    value(await p.manager({ guard: 'warn' }).down());
    expect(p.rows('SELECT * FROM customers')).to.deep.equal([]);
  });

  it('reports a revert that does not restore the schema', async () => {
    p.write({
      '0003_index.up.sql': 'CREATE INDEX by_name ON customers(name); CREATE TABLE extra (x);',
      '0003_index.down.sql': 'DROP INDEX by_name;',
    });
    value(await p.manager().up());
    expect(value(await p.manager().down()).reverted[0]).to.include({ version: '0003', schemaRestored: false });
  });

  it('says of a schema that is not proven to be what it was whether the revert is to blame', async () => {
    const down = async () =>
      value(await p.manager().down()).reverted.map(({ version, schemaRestored, unproven }) => ({
        version,
        schemaRestored,
        unproven,
      }));
    const apply = async () => value(await p.manager({ outOfOrder: 'allow' }).up());
    await apply();
    expect(await down()).to.deep.equal([{ version: '0002', schemaRestored: true, unproven: null }]);
    await apply();
    p.sql('CREATE TABLE by_hand (x)');
    expect(await down()).to.deep.equal([{ version: '0002', schemaRestored: false, unproven: 'changed-since' }]);
    await apply();
    p.write({ '0000_late.sql': 'CREATE TABLE late (x);' });
    await apply();
    expect(await down()).to.deep.equal([{ version: '0002', schemaRestored: false, unproven: 'changed-since' }]);
    await apply();
    value(await p.manager().stamp('base'));
    value(await p.manager().stamp('2'));
    expect(await down()).to.deep.equal([{ version: '0002', schemaRestored: false, unproven: 'stamped' }]);
    p.write({ '0002_email.down.sql': 'SELECT 1;' });
    await apply();
    expect(await down()).to.deep.equal([{ version: '0002', schemaRestored: false, unproven: null }]);
  });

  it('stays at a version: it is not reverted itself', async () => {
    value(await p.manager().up());
    expect(value(await p.manager().down({ target: { to: '1' } })).current).to.equal('0001');
    const error = failure(await p.manager().down({ target: { to: '2' } }));
    expect(error).to.include({ kind: 'unknown-version', exitCode: 2, message: 'step 2 is not applied' });
    expect(error.hint).to.equal('Applied steps: 0001. `migrate-safe status` shows the others.');
  });

  it('begins no chain of reverts that it cannot walk to its end', async () => {
    p.write({ '0003_oneway.up.sql': 'CREATE TABLE one (x);' });
    value(await p.manager().up());
    const before = p.dump();
    expect(failure(await p.manager().down({ target: { to: 'base' } }))).to.include({
      kind: 'no-revert',
      version: '0003',
    });
    expect(p.dump()).to.equal(before);
  });

  it('refuses a database with tables and no journal, until a stamp says what it has', async () => {
    p.sql(
      'CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE knex_migrations (id INTEGER PRIMARY KEY, name TEXT)',
    );
    const before = p.dump();
    const error = failure(await p.manager().up());
    expect(error).to.include({ kind: 'no-journal', exitCode: 3, code: 'MS-NO-JOURNAL' });
    expect(error.message).to.contain('knex');
    expect(p.dump()).to.equal(before);
    expect(p.rows(`SELECT name FROM sqlite_schema WHERE name LIKE 'migrate_safe%'`)).to.deep.equal([]);
    expect(value(await p.manager().stamp('1'))).to.deep.include({ stamped: ['0001'], current: '0001' });
    expect(value(await p.manager().status()).steps.map(({ state }) => state)).to.deep.equal(['stamped', 'pending']);
    value(await p.manager().up());
    expect(p.rows('SELECT * FROM customers')).to.deep.equal([]);
  });

  it('begins from here with `stamp base`', async () => {
    p.sql('CREATE TABLE other (x)');
    value(await p.manager().stamp('base'));
    value(await p.manager().up());
    expect(value(await p.manager().status())).to.include({ current: '0002', pending: 0 });
  });

  it('compares histories as sets: a new step below the newest is refused, or recorded as late', async () => {
    p.write({ '0005_five.sql': 'CREATE TABLE five (x);' });
    value(await p.manager().up());
    p.write({ '0004_four.sql': 'CREATE TABLE four (x);' });
    expect(failure(await p.manager().up())).to.include({ kind: 'out-of-order', exitCode: 3 });
    value(await p.manager({ outOfOrder: 'allow' }).up());
    const started = value(await p.manager().history())
      .filter((event) => event.type === 'RunStarted')
      .at(-1);
    expect(started?.data).to.include({ outOfOrder: true });
  });

  it('refuses a step that changed, or whose file is gone, and warns of steps that it does not know', async () => {
    p.write({ '0003_three.sql': 'CREATE TABLE three (x);' });
    value(await p.manager().up());
    p.write({ '0001_shop.up.sql': 'CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, changed TEXT);' });
    expect(failure(await p.manager().up())).to.include({ kind: 'changed-step', exitCode: 3 });
    const older = project();
    older.write({ '0001_shop.up.sql': 'CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);' });
    const replica = p.manager({ steps: older.steps });
    const warnings: string[] = [];
    replica.onProgress((progress) => progress.kind === 'warning' && warnings.push(progress.message));
    expect(value(await replica.up()).ahead).to.deep.equal(['0002', '0003']);
    expect(warnings.join()).to.contain('does not know');
    expect(failure(await p.manager({ steps: older.steps, onAhead: 'refuse' }).up())).to.include({
      kind: 'ahead',
      exitCode: 3,
    });
    older.write({ '0003_three.sql': 'CREATE TABLE three (x);' });
    expect(failure(await p.manager({ steps: older.steps }).up())).to.include({ kind: 'missing-step' });
    older.write({ '0004_renumbered.sql': 'ALTER TABLE customers ADD COLUMN email TEXT;' });
    expect(failure(await p.manager({ steps: older.steps }).up()).message).to.contain(
      '0004_renumbered.sql has the same content',
    );
    older.remove();
  });

  it('undoes the whole run where the policy says so', async () => {
    value(await p.manager().up());
    const before = p.dump();
    p.write({
      '0003_a.up.sql': 'CREATE TABLE a (x);',
      '0003_a.down.sql': 'DROP TABLE a;',
      '0004_b.up.sql': 'CREATE TABLE b (x); INSERT INTO nowhere VALUES (1);',
    });
    expect(failure(await p.manager({ onFailure: 'undo-run' }).up())).to.include({
      kind: 'step-failed',
      version: '0004',
    });
    expect(p.dump()).to.equal(before);
    expect(value(await p.manager().status()).current).to.equal('0002');
    expect(failure(await p.manager().up())).to.include({ kind: 'step-failed' });
    expect(value(await p.manager().status()).current).to.equal('0003');
  });

  it('keeps one chain per component', async () => {
    value(await p.manager().up());
    const plugin = p.manager({
      component: 'plugin',
      steps: [
        new MigrationStep(1, 'plugin table', {
          apply: (knex) => knex.schema.createTable('plug', (t) => void t.increments()),
          component: 'plugin',
        }),
      ],
    });
    value(await plugin.up());
    expect(value(await plugin.status())).to.include({ current: '1', pending: 0 });
    expect(value(await p.manager().status())).to.include({ current: '0002', pending: 0 });
  });

  it('keeps the backups of the newest runs, of failed ones, and those that were asked for', async () => {
    const asked = value(
      await p
        .manager()
        .up()
        .andThen(() => p.manager().createBackup({ verify: 'full' })),
    );
    p.write({ '0003_fails.sql': 'INSERT INTO nowhere VALUES (1)' });
    failure(await p.manager().up());
    for (let i = 3; i < 8; i++) {
      p.write({ [`000${i}_${i === 3 ? 'fails' : 'next'}.sql`]: `CREATE TABLE t${i} (x);` });
      value(await p.manager({ keepRuns: 2 }).up());
    }
    const kept = value(await p.manager().listBackups()).backups.map(({ manifest }) =>
      `${manifest.reason.kind} ${manifest.reason.version ?? ''}`.trim(),
    );
    expect(kept).to.deep.equal(['before-step 0007', 'before-step 0006', 'before-step 0003', 'manual']);
    expect(asked.manifest.fingerprint?.tables).to.have.keys('customers');
    value(await p.manager().audit());
  });
});
