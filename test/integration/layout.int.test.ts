// The engine's own tables: every layout that was released is raised to the present one, whole or not at all.
import { expect } from 'chai';
import BetterSqlite3 from 'better-sqlite3';
import { LAYOUT, LAYOUTS, raiseLayout, readLayout } from '#src/dao/dialects/sqlite/layout.js';
import { loadDriver } from '#src/dao/dialects/sqlite/drivers/load-driver.js';
import type { SqliteConnection } from '#src/dao/dialects/sqlite/drivers/driver.js';
import { failure, project, value, type Project } from '../support/project.js';

/** Layout 1 as it was released in 0.1.0. Frozen: this text is never edited, whatever becomes of the source. */
const LAYOUT_1 = `
  CREATE TABLE migrate_safe_meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE migrate_safe_events (position INTEGER PRIMARY KEY NOT NULL, run_id TEXT NOT NULL, component TEXT NOT NULL, type TEXT NOT NULL,
    schema_version INTEGER NOT NULL, recorded_at TEXT NOT NULL, actor TEXT NOT NULL, data TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL);
  CREATE TABLE migrate_safe_steps (component TEXT NOT NULL, version TEXT NOT NULL, description TEXT NOT NULL, state TEXT NOT NULL,
    checksum TEXT NOT NULL, applied_at TEXT NOT NULL, duration_ms INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (component, version)) WITHOUT ROWID;
  CREATE TRIGGER migrate_safe_events_no_update BEFORE UPDATE ON migrate_safe_events
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
  CREATE TRIGGER migrate_safe_events_no_delete BEFORE DELETE ON migrate_safe_events
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
  CREATE TRIGGER migrate_safe_events_in_turn BEFORE INSERT ON migrate_safe_events
    WHEN NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM migrate_safe_events)
    BEGIN SELECT RAISE(ABORT, 'the journal does not end where this event begins'); END;
  INSERT INTO migrate_safe_meta VALUES ('layout', '1');`;

describe('the layout of the journal', () => {
  let p: Project;
  beforeEach(() => {
    p = project();
    p.write({ '0001_t.sql': 'CREATE TABLE t (x);' });
  });
  afterEach(() => p.remove());

  const connected = async (work: (connection: SqliteConnection) => Promise<void>): Promise<void> => {
    const connection = value(
      await value(loadDriver('better-sqlite3', true)).connect(p.file, 'create', { busyWaitMs: 0 }),
    );
    try {
      await work(connection);
    } finally {
      value(await connection.close());
    }
  };

  it('is raised from layout 1, with every event in place', async () => {
    value(await p.manager().up());
    const events = value(await p.manager().history());
    // The same rows, in the tables as they were first released.
    const db = new BetterSqlite3(p.file);
    const rows = {
      events: db.prepare('SELECT * FROM migrate_safe_events').raw().all(),
      steps: db.prepare('SELECT * FROM migrate_safe_steps').raw().all(),
      id: db.prepare(`SELECT value FROM migrate_safe_meta WHERE key = 'database_id'`).pluck().get(),
    };
    db.exec('DROP TABLE migrate_safe_events; DROP TABLE migrate_safe_steps; DROP TABLE migrate_safe_meta;');
    db.exec(LAYOUT_1);
    for (const row of rows.events)
      db.prepare('INSERT INTO migrate_safe_events VALUES (?,?,?,?,?,?,?,?,?,?)').run(...(row as unknown[]));
    for (const row of rows.steps)
      db.prepare('INSERT INTO migrate_safe_steps VALUES (?,?,?,?,?,?,?,?)').run(...(row as unknown[]));
    db.prepare(`INSERT INTO migrate_safe_meta VALUES ('database_id', ?)`).run(rows.id);
    db.close();
    p.write({ '0002_u.sql': 'CREATE TABLE u (x);' });
    value(await p.manager().up());
    expect(value(await p.manager().history()).slice(0, events.length)).to.deep.equal(events);
    value(await p.manager().audit());
    await connected(async (connection) => void expect(value(await readLayout(connection))).to.equal(LAYOUT));
  });

  it('is raised step by step by the layouts that come, keeping what is there', async () => {
    value(await p.manager().up());
    const before = p.rows('SELECT position, hash FROM migrate_safe_events');
    await connected(async (connection) => {
      value(
        await raiseLayout(connection, [
          ...LAYOUTS,
          ['ALTER TABLE migrate_safe_steps ADD COLUMN note TEXT'],
          ['CREATE INDEX migrate_safe_by_run ON migrate_safe_events (run_id)'],
        ]),
      );
      expect(value(await readLayout(connection))).to.equal(LAYOUT + 2);
    });
    expect(p.rows('SELECT position, hash FROM migrate_safe_events')).to.deep.equal(before);
    // And this version says that a newer one was here.
    p.write({ '0002_u.sql': 'CREATE TABLE u (x);' });
    expect(failure(await p.manager().up())).to.include({ kind: 'journal-newer', exitCode: 3 });
  });

  it('is left as it was when a statement of a new layout fails', async () => {
    value(await p.manager().up());
    await connected(async (connection) => {
      const raised = await raiseLayout(connection, [
        ...LAYOUTS,
        ['ALTER TABLE migrate_safe_steps ADD COLUMN note TEXT', 'INSERT INTO nowhere VALUES (1)'],
      ]);
      expect(raised.isErr()).to.equal(true);
      expect(value(await readLayout(connection))).to.equal(LAYOUT);
    });
    expect(p.rows(`SELECT name FROM pragma_table_info('migrate_safe_steps') WHERE name = 'note'`)).to.deep.equal([]);
  });
});
