// Restores: the data goes back, the journal goes on; also onto a database that cannot be opened, was copied back, or is gone.
import { expect } from 'chai';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { MigrationStep, type SafeMigrationManager } from 'migrate-safe';
import { DRIVERS, failure, project, value, type Project } from '../support/project.js';

for (const driver of DRIVERS) {
  describe(`restore (${driver})`, () => {
    let p: Project;
    let atOne: string;
    beforeEach(async () => {
      p = project(driver);
      p.write({
        '0001_shop.sql': `CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers(id), total REAL);
          CREATE TRIGGER no_negative BEFORE INSERT ON orders WHEN NEW.total < 0 BEGIN SELECT RAISE(ABORT, 'negative'); END;
          INSERT INTO customers VALUES (1,'a'),(2,'b'); INSERT INTO orders VALUES (1,1,10),(2,2,20);`,
      });
      value(await p.manager().up());
      atOne = p.dump();
      p.write({
        '0002_more.sql': `ALTER TABLE customers ADD COLUMN email TEXT; UPDATE customers SET email = name || '@x'; INSERT INTO customers (id, name) VALUES (3, 'c');`,
      });
      value(await p.manager().up());
    });
    afterEach(() => p.remove());

    const types = async (): Promise<string[]> => value(await p.manager().history()).map((event) => event.type);

    it('puts the whole back to before a step, and the journal goes on', async () => {
      const before = value(await p.manager().history());
      const report = value(await p.manager().restore({ choice: { beforeStep: '2' } }));
      expect(p.dump()).to.equal(atOne);
      expect(report.restored.rows).to.equal(4);
      const events = value(await p.manager().history());
      expect(events.slice(0, before.length)).to.deep.equal(before);
      expect(events.slice(before.length).map((e) => e.type)).to.deep.equal([
        'RunStarted',
        'BackupTaken',
        'BackupVerified',
        'RestoreStarted',
        'BackupRestored',
        'RunCompleted',
      ]);
      expect(value(await p.manager().audit()).events).to.equal(events.length);
      expect(value(await p.manager().status())).to.include({ current: '0001', pending: 1 });
      value(await p.manager().up());
      expect(value(await p.manager().status())).to.include({ current: '0002', pending: 0 });
    });

    it('tells how many rows would be lost, and changes nothing when the answer is no', async () => {
      p.sql(
        `INSERT INTO orders VALUES (3, 1, 5), (4, 1, 6); UPDATE customers SET name = 'changed' WHERE id = 1; DELETE FROM orders WHERE id = 1`,
      );
      const now = p.dump();
      const events = value(await p.manager().history()).length;
      let stakes: unknown;
      const error = failure(
        await p.manager().restore({
          choice: { latest: true },
          confirm: (preview) => {
            stakes = preview.atStake;
            return Promise.resolve(false);
          },
        }),
      );
      expect(error.kind).to.equal('restore-declined');
      expect(stakes).to.deep.equal([
        { table: 'customers', written: 2, deleted: 0 },
        { table: 'orders', written: 2, deleted: 1 },
      ]);
      expect(p.dump()).to.equal(now);
      expect(value(await p.manager().history())).to.have.length(events);
    });

    it('tells how far it is in bytes', async () => {
      const safe = p.manager();
      const totals: number[] = [];
      safe.onProgress((progress) => progress.kind === 'restore-progress' && totals.push(progress.totalBytes));
      value(await safe.restore({ choice: { latest: true } }));
      expect(totals.at(-1)).to.be.within(statSync(p.file).size / 2, statSync(p.file).size);
    });

    it('keeps a copy of the present state first, from which it can be undone', async () => {
      p.sql(`INSERT INTO orders VALUES (3, 1, 5)`);
      const now = p.dump();
      const { safetyBackupId } = value(await p.manager().restore({ choice: { latest: true } }));
      expect(p.dump()).to.equal(atOne);
      value(await p.manager().restore({ choice: { id: safetyBackupId ?? '' } }));
      expect(p.dump()).to.equal(now);
      value(await p.manager().audit());
      expect(value(await p.manager().status())).to.include({ current: '0002' });
    });

    it('puts single tables back with their triggers in place', async () => {
      p.sql(`DELETE FROM orders; INSERT INTO customers VALUES (9, 'new', NULL)`);
      const report = value(await p.manager().restore({ choice: { latest: true }, tables: ['orders'] }));
      expect(report.restored).to.deep.equal({ tables: ['orders'], rows: 2 });
      expect(p.rows('SELECT id, total FROM orders')).to.deep.equal([
        { id: 1, total: 10 },
        { id: 2, total: 20 },
      ]);
      expect(p.rows('SELECT count(*) AS n FROM customers')).to.deep.equal([{ n: 4 }]);
      expect(p.rows(`SELECT name FROM sqlite_schema WHERE name = 'no_negative'`)).to.have.length(1);
      expect(value(await p.manager().status())).to.include({ current: '0002', pending: 0 });
      value(await p.manager().audit());
    });

    it('refuses to put a table back whose columns changed since, or whose rows would have no parent', async () => {
      expect(
        failure(await p.manager().restore({ choice: { latest: true }, tables: ['customers'] })).message,
      ).to.contain('the columns of customers are not those of the backup');
      p.sql(`DELETE FROM orders; DELETE FROM customers`);
      const error = failure(await p.manager().restore({ choice: { latest: true }, tables: ['orders'] }));
      expect(error.message).to.contain('name the other tables too');
      expect(p.rows('SELECT count(*) AS n FROM orders')).to.deep.equal([{ n: 0 }]);
    });

    const ruins: Readonly<Record<string, (file: string) => void>> = {
      'is gone': (file) => rmSync(file),
      'is no database any more': (file) =>
        writeFileSync(file, 'this is not a database at all, but somebody put it here'.repeat(40)),
      'is truncated': (file) => truncateSync(file, 5000),
      'is empty': (file) => writeFileSync(file, ''),
    };
    for (const [state, ruin] of Object.entries(ruins)) {
      it(`brings back a database that ${state}, with its whole journal from the mirror`, async () => {
        const before = value(await p.manager().history());
        ruin(p.file);
        const report = value(await p.manager().restore({ choice: { latest: true } }));
        expect(p.dump()).to.equal(atOne);
        const events = value(await p.manager().history());
        expect(events.slice(0, before.length)).to.deep.equal(before);
        value(await p.manager().audit());
        if (state !== 'is gone' && report.movedAside.length > 0)
          expect(report.movedAside.every((file) => existsSync(file))).to.equal(true);
        value(await p.manager().up());
        expect(value(await p.manager().status())).to.include({ current: '0002', pending: 0 });
      });
    }

    it('finds out a database that was copied back from outside, and offers a restore that works', async () => {
      const { backups } = value(await p.manager().listBackups());
      copyFileSync(backups[0]?.file ?? '', p.file);
      p.write({ '0003_next.sql': 'CREATE TABLE next (x)' });
      const error = failure(await p.manager().up());
      expect(error).to.include({ kind: 'mirror-ahead', exitCode: 3, code: 'MS-MIRROR-AHEAD' });
      expect(failure(await p.manager().audit())).to.include({ kind: 'mirror-ahead' });
      value(await p.manager().restore({ choice: { latest: true } }));
      value(await p.manager().audit());
      value(await p.manager().up());
      expect(value(await p.manager().status())).to.include({ current: '0003', pending: 0 });
      expect(await types()).to.include('BackupRestored');
    });

    const damages: Readonly<Record<string, readonly [(set: string) => void, RegExp]>> = {
      'a flipped bit': [
        (set) => {
          const file = path.join(set, 'data/database.sqlite');
          const bytes = readFileSync(file);
          bytes[9000] = (bytes[9000] ?? 0) ^ 1;
          writeFileSync(file, bytes);
        },
        /sha256/,
      ],
      'a missing tail': [(set) => truncateSync(path.join(set, 'data/database.sqlite'), 4096), /size/],
      'no file': [(set) => rmSync(path.join(set, 'data/database.sqlite')), /missing/],
      'an edited manifest': [
        (set) => {
          for (const name of ['manifest.json', 'manifest.copy.json']) {
            const file = path.join(set, name);
            writeFileSync(file, readFileSync(file, 'utf8').replace('"before-step"', '"manual"'));
          }
        },
        /manifest was changed/,
      ],
      'no manifest': [
        (set) => {
          rmSync(path.join(set, 'manifest.json'));
          rmSync(path.join(set, 'manifest.copy.json'));
        },
        /no manifest/,
      ],
    };
    for (const [name, [damage, reason]] of Object.entries(damages)) {
      it(`refuses a backup with ${name}, and leaves the database alone`, async () => {
        const newest = value(await p.manager().listBackups()).backups[0];
        const before = p.dump();
        damage(newest?.directory ?? '');
        const error = failure(await p.manager().restore({ choice: { id: newest?.manifest.id ?? '' } }));
        expect(error).to.include({ kind: 'backup-corrupt', exitCode: 3 });
        expect(error.message).to.match(reason);
        expect(p.dump()).to.equal(before);
      });
    }

    it('reads the second copy of a manifest when the first is damaged', async () => {
      const newest = value(await p.manager().listBackups()).backups[0];
      writeFileSync(path.join(newest?.directory ?? '', 'manifest.json'), '{ half');
      value(await p.manager().restore({ choice: { id: newest?.manifest.id ?? '' } }));
    });

    it('leaves nothing in the way behind', async () => {
      value(await p.manager().restore({ choice: { latest: true } }));
      expect(readdirSync(p.directory).toSorted()).to.deep.equal([
        'app.db',
        'app.db-migrate-lock',
        'app.db-migrate-lock.json',
        'backups',
        'migrations',
      ]);
    });
  });
}

describe('restore --before-step beside another component', () => {
  it('takes the backup from before the step of its own component', async () => {
    const p = project();
    p.write({ '0001_t.sql': 'CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);' });
    value(await p.manager().up());
    const plugin = new MigrationStep(1, 'plug', {
      apply: (knex) => knex.schema.createTable('plug', (t) => void t.increments()),
      component: 'plugin',
    });
    const ofPlugin = () => p.manager({ component: 'plugin', steps: [plugin] });
    value(await ofPlugin().up());
    const before = async (safe: SafeMigrationManager): Promise<string | undefined> => {
      let component: string | undefined;
      failure(
        await safe.restore({
          choice: { beforeStep: '1' },
          confirm: ({ backup }) => {
            ({ component } = backup.manifest.reason);
            return Promise.resolve(false);
          },
        }),
      );
      return component;
    };
    expect([await before(p.manager()), await before(ofPlugin())]).to.deep.equal(['main', 'plugin']);
    p.remove();
  });
});

describe('restore --before-step where each run has one backup', () => {
  it('takes that of the run that began with the step, and names that of the run for a later one', async () => {
    const p = project();
    const each = { fileBackup: 'each-run' } as const;
    p.write({ '0001_t.sql': 'CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);' });
    value(await p.manager(each).up());
    p.write({ '0002_t.sql': 'INSERT INTO t VALUES (2);', '0003_t.sql': 'INSERT INTO t VALUES (3);' });
    value(await p.manager(each).up());
    const [newest] = value(await p.manager().listBackups()).backups.map(({ manifest }) => manifest.id);
    const error = failure(await p.manager().restore({ choice: { beforeStep: '3' } }));
    expect(error).to.deep.include({ kind: 'backup-not-found', instead: { id: newest, step: '0002' } });
    expect(error.hint).to.contain(`stands before 0002: migrate-safe restore ${newest}.`);
    value(await p.manager().restore({ choice: { beforeStep: '2' } }));
    expect(value(await p.manager().status())).to.include({ current: '0001', pending: 2 });
    p.remove();
  });
});

describe('a restore of single tables whose rows do not fit any more', () => {
  it('names the constraint, and how they can be put back all the same', async () => {
    const p = project();
    p.write({
      '0001_t.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'a');`,
    });
    value(await p.manager().up());
    p.write({
      '0002_names.sql':
        '-- migrate-safe:up\nUPDATE t SET name = name || id; CREATE UNIQUE INDEX names ON t (name);\n-- migrate-safe:down\nDROP INDEX names;',
    });
    value(await p.manager().up());
    const restore = () => p.manager().restore({ choice: { beforeStep: '2' }, tables: ['t'] });
    const error = failure(await restore());
    expect(error).to.include({ kind: 'restore-failed' });
    expect(error.message).to.contain('t.name').and.contain('migrate-safe down --to 0001)');
    value(await p.manager().down({ target: { to: '1' } }));
    expect(value(await restore()).restored).to.deep.equal({ tables: ['t'], rows: 2 });
    p.remove();
  });
});

describe('a restore that has no backup to take', () => {
  it('says so in a sentence, and where backups may be named that lie elsewhere', async () => {
    const p = project();
    p.write({ '0001_t.sql': 'CREATE TABLE t (x);' });
    value(await p.manager({ fileBackup: 'never' }).up());
    const said = async (choice: Parameters<SafeMigrationManager['restore']>[0]['choice']): Promise<string> => {
      const { message, hint } = failure(await p.manager().restore({ choice }));
      expect(hint).to.contain('--backups');
      return message.replace(p.backups, 'backups');
    };
    expect(await said({ latest: true })).to.equal('there is no backup of this database in backups');
    expect(await said({ beforeStep: '1' })).to.equal('there is no backup from before step 1 in backups');
    expect(await said({ id: '20260101T0000' })).to.equal('there is no backup 20260101T0000 in backups');
    const { directory } = value(await p.manager().createBackup());
    value(await p.manager().restore({ choice: { latest: true } }));
    rmSync(directory, { recursive: true });
    expect(await said({ latest: true })).to.equal('there is no backup but the copies that restores took in backups');
    p.remove();
  });
});

describe('a database that was lost', () => {
  let p: Project;
  beforeEach(async () => {
    p = project();
    p.write({
      '0001_t.up.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);`,
      '0001_t.down.sql': 'DROP TABLE t;',
    });
    value(await p.manager().up());
  });
  afterEach(() => p.remove());

  it('is not replaced by an empty one at the next start', async () => {
    rmSync(p.file);
    expect(failure(await p.manager().up())).to.include({ kind: 'database-gone', exitCode: 3 });
    expect(existsSync(p.file)).to.equal(false);
    writeFileSync(p.file, '');
    expect(failure(await p.manager().up())).to.include({ kind: 'database-gone' });
    value(await p.manager().restore({ choice: { latest: true } }));
    value(await p.manager().up());
    expect(p.rows('SELECT * FROM t')).to.deep.equal([{ id: 1 }]);
  });

  it('is put back, with its journal, also where the mirror is lost too', async () => {
    rmSync(p.file);
    const [id = ''] = readdirSync(p.backups);
    rmSync(path.join(p.backups, id, 'journal.ndjson'));
    value(await p.manager().restore({ choice: { latest: true } }));
    value(await p.manager().audit());
    value(await p.manager().up());
    expect(p.rows('SELECT * FROM t')).to.deep.equal([{ id: 1 }]);
  });

  it('is said by every command to be lost, with what brings it back', async () => {
    rmSync(p.file);
    const m = p.manager();
    const errors = [
      failure(await m.up()),
      failure(await m.plan()),
      failure(await m.down()),
      failure(await m.stamp('1')),
      failure(await m.audit()),
      failure(await m.history()),
      failure(await m.createBackup()),
    ];
    for (const error of errors) {
      expect(error).to.include({ kind: 'database-gone', exitCode: 3 });
      expect(error.message).to.contain('is not there, but');
      expect(error.hint).to.contain('migrate-safe restore --latest').and.not.contain('stamp');
    }
    const { lastBackup } = value(await m.status());
    expect(lastBackup?.id).to.equal(value(await m.listBackups()).backups[0]?.manifest.id);
    expect(existsSync(p.file)).to.equal(false);
    value(await m.restore({ choice: { latest: true } }));
    value(await p.manager().up());
  });

  it('may be stamped where there is a file in its place', async () => {
    rmSync(p.file);
    p.sql('CREATE TABLE t (id INTEGER PRIMARY KEY)');
    const error = failure(await p.manager().up());
    expect(error).to.include({ kind: 'database-gone' });
    expect(error.message).to.contain('has no journal, but');
    expect(error.hint).to.contain('migrate-safe stamp V');
    expect(value(await p.manager().status()).lastBackup).not.to.equal(undefined);
    value(await p.manager().stamp('1'));
    expect(value(await p.manager().up()).applied).to.deep.equal([]);
  });

  it('is counted before it is replaced where only its journal is broken', async () => {
    p.sql('INSERT INTO t VALUES (2), (3)');
    p.sql(
      "DROP TRIGGER migrate_safe_events_no_update; UPDATE migrate_safe_events SET data = replace(data, '\"main\"', '\"x\"') || ' ', type = 'RunFailed' WHERE position = 2",
    );
    let stakes: unknown;
    const { backups } = value(await p.manager().listBackups());
    value(
      await p.manager().restore({
        choice: { id: backups[0]?.manifest.id ?? '' },
        confirm: (preview) => {
          stakes = preview.atStake;
          return Promise.resolve(true);
        },
      }),
    );
    expect(stakes).to.deep.equal([{ table: 't', written: 3, deleted: 0 }]);
    value(await p.manager().audit());
  });

  it('has its changed step taken as it is by a stamp', async () => {
    p.write({ '0001_t.up.sql': `CREATE TABLE t (id INTEGER PRIMARY KEY); -- mended\n INSERT INTO t VALUES (1);` });
    expect(failure(await p.manager().up())).to.include({ kind: 'changed-step' });
    value(await p.manager().stamp('1'));
    expect(value(await p.manager().status())).to.include({ pending: 0 });
    expect(value(await p.manager().up()).applied).to.deep.equal([]);
  });

  it('reverts with what the step declares, and with what its revert declares', async () => {
    p.sql('INSERT INTO t VALUES (7), (8)');
    p.write({
      '0002_purge.up.sql': '-- migrate-safe: may-lose-rows table=t\nDELETE FROM t WHERE id = 7;',
      '0002_purge.down.sql': 'DELETE FROM t WHERE id = 8;',
    });
    value(await p.manager().up());
    value(await p.manager().down());
    expect(p.rows('SELECT id FROM t')).to.deep.equal([{ id: 1 }]);
    p.write({ '0002_purge.down.sql': '-- migrate-safe: no-transaction\nDELETE FROM t WHERE id = 8;' });
    expect(failure(await p.manager().up())).to.include({ kind: 'step-directive', line: 1, exitCode: 2 });
  });
});
