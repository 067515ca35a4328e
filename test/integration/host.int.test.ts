// Inside a host: Inversify containers, the host's own parts, events while they happen, and what steps may do beyond plain SQL.
import { expect } from 'chai';
import { Container } from 'inversify';
import knexFactory from 'knex';
import { createMigrateSafe, MigrationStep, type RecordedEvent } from 'migrate-safe';
import { migrateSafeModule, SafeMigrationManager, Tokens } from 'migrate-safe/di';
import { envelopeHash } from '#src/core/events/envelope.js';
import BetterSqlite3 from 'better-sqlite3';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

describe('the Inversify module', () => {
  let p: Project;
  beforeEach(() => {
    p = project();
  });
  afterEach(() => p.remove());

  it('gives one manager, to which steps are added', async () => {
    const container = new Container();
    container.load(migrateSafeModule({ database: `sqlite:${p.file}?driver=sqlite3`, backups: p.backups }));
    const manager = container.get(SafeMigrationManager);
    expect(container.get(SafeMigrationManager)).to.equal(manager);
    expect(container.get(Tokens.Manager)).to.equal(manager);
    manager.addMigration(
      new MigrationStep(4, 'Add new table', {
        apply: (knex) => knex.schema.createTable('made', (t) => void t.increments()),
      }),
    );
    expect(value(await manager.runMigrations()).current).to.equal('4');
  });

  it('leaves what the host bound before', async () => {
    const container = new Container();
    const at = new Date('2031-05-06T07:08:09.000Z');
    container.bind(Tokens.Clock).toConstantValue({ now: () => at });
    container.bind(Tokens.Actor).toConstantValue({ user: 'deploy', host: 'web-3', pid: 7, engine: 'mine' });
    container.load(migrateSafeModule({ database: `sqlite:${p.file}?driver=sqlite3`, backups: p.backups }));
    const manager = container.get(SafeMigrationManager);
    manager.addMigration(new MigrationStep(1, 'one', { apply: (knex) => knex.raw('CREATE TABLE t (x)') }));
    value(await manager.up());
    const [first] = value(await manager.history());
    expect(first).to.include({ recordedAt: at.toISOString() });
    expect(first?.actor).to.include({ user: 'deploy', host: 'web-3' });
  });
});

describe('events', () => {
  it('are told while they happen, and end with the manager', async () => {
    const p = project();
    const safe = createMigrateSafe({ database: `sqlite:${p.file}?driver=sqlite3`, backups: p.backups });
    safe.addMigration(new MigrationStep(1, 'one', { apply: (knex) => knex.raw('CREATE TABLE t (x)') }));
    const heard: RecordedEvent[] = [];
    const listening = (async () => {
      for await (const event of safe.events()) heard.push(event);
    })();
    value(await safe.up());
    value(await safe.close());
    await listening;
    expect(heard.map(({ type }) => type)).to.deep.equal([
      'RunStarted',
      'BackupTaken',
      'BackupVerified',
      'StepStarted',
      'SchemaValidated',
      'StepApplied',
      'RunCompleted',
    ]);
    expect(heard.map(({ hash }) => hash)).to.deep.equal(value(await safe.history()).map(({ hash }) => hash));
    p.remove();
  });
});

for (const driver of DRIVERS) {
  describe(`a step in a host (${driver})`, () => {
    let p: Project;
    beforeEach(() => {
      p = project(driver);
    });
    afterEach(() => p.remove());

    it('keeps the identifiers and responses of the host’s knex', async () => {
      const host = knexFactory({
        client: driver,
        connection: { filename: p.file },
        useNullAsDefault: true,
        wrapIdentifier: (name, wrap) => wrap(name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
        postProcessResponse: (rows: unknown) =>
          Array.isArray(rows) ? rows.map((row) => ({ ...(row as object), seen: true })) : rows,
      });
      const safe = p.manager({ database: host });
      let read: unknown;
      safe.addMigration(
        new MigrationStep(1, 'camel', {
          apply: async (knex) => {
            await knex.schema.createTable('someThings', (t) => void t.text('firstName'));
            await knex('someThings').insert({ firstName: 'Ada' });
            read = await knex('someThings').select();
          },
        }),
      );
      value(await safe.up());
      await host.destroy();
      expect(p.rows('SELECT first_name FROM some_things')).to.deep.equal([{ first_name: 'Ada' }]);
      expect(read).to.deep.equal([{ first_name: 'Ada', seen: true }]);
    });

    it('may use savepoints and nested transactions, which roll back on their own', async () => {
      const safe = p.manager();
      safe.addMigration(
        new MigrationStep(1, 'nested', {
          apply: async (knex) => {
            await knex.raw('CREATE TABLE t (id INTEGER PRIMARY KEY)');
            await knex.raw('SAVEPOINT own');
            await knex('t').insert({ id: 1 });
            await knex.raw('ROLLBACK TO own');
            await knex.raw('RELEASE own');
            await knex.transaction((trx) => trx('t').insert({ id: 2 }));
            await knex
              .transaction(async (trx) => {
                await trx('t').insert({ id: 3 });
                throw new Error('not this one');
              })
              .catch(() => undefined);
          },
        }),
      );
      const report = value(await safe.up());
      expect(p.rows('SELECT id FROM t')).to.deep.equal([{ id: 2 }]);
      expect(report.applied[0]?.effects.tables).to.deep.equal({ t: { inserted: 1, updated: 0, deleted: 0 } });
    });

    it('may rename a table through knex, with what points at it', async () => {
      p.write({
        '0001_t.sql':
          'CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (p INTEGER REFERENCES parent(id)); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1);',
      });
      const safe = p.manager();
      safe.addMigration(
        new MigrationStep(2, 'rename', { apply: (knex) => knex.schema.renameTable('parent', 'person') }),
      );
      value(await safe.up());
      expect(p.rows(`SELECT "table" FROM pragma_foreign_key_list('child')`)).to.deep.equal([{ table: 'person' }]);
    });
  });
}

describe('a journal with an event of a newer program', () => {
  it('is refused, and told apart from a broken one', async () => {
    const p = project();
    p.write({ '0001_t.sql': 'CREATE TABLE t (x);' });
    value(await p.manager().up());
    const events = value(await p.manager().history());
    const last = events.at(-1);
    if (last === undefined) throw new Error('no event');
    const strange = {
      position: last.position + 1,
      runId: 'r',
      component: 'main',
      type: 'RunPostponed',
      schemaVersion: 1,
      recordedAt: last.recordedAt,
      actor: last.actor,
      data: { until: 'tomorrow' },
      previousHash: last.hash,
    };
    const db = new BetterSqlite3(p.file);
    db.prepare('INSERT INTO migrate_safe_events VALUES (?,?,?,?,?,?,?,?,?,?)').run(
      strange.position,
      'r',
      'main',
      strange.type,
      1,
      strange.recordedAt,
      JSON.stringify(strange.actor),
      JSON.stringify(strange.data),
      strange.previousHash,
      envelopeHash(strange),
    );
    db.close();
    p.write({ '0002_u.sql': 'CREATE TABLE u (x);' });
    const before = p.dump();
    const error = failure(await p.manager().up());
    expect(error).to.include({ kind: 'journal-newer', exitCode: 3 });
    expect(error.message).to.contain('RunPostponed');
    expect(p.dump()).to.equal(before);
    p.remove();
  });
});
