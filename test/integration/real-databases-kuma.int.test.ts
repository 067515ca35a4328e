// The database that Uptime Kuma ships, filled with awkward values: names in brackets and quotes, cascades, AUTOINCREMENT.
import { expect } from 'chai';
import { ModelHistory, type ModelStep } from '../support/model-history.js';
import { realProject, SETTINGS, titled, type RealProject } from '../support/real-databases.js';

const FILL = `
  INSERT INTO user (username, password, timezone) VALUES ('ada', 'x''y', NULL), ('Grüße', x'00ff', 'Europe/Zürich');
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
    INSERT INTO monitor (name, user_id, url, weight, port, keyword) SELECT 'm' || i, 1 + i % 2, 'https://example.org/?q="' || i || '"', i * 1.5, 9007199254740993 + i, CASE WHEN i % 3 = 0 THEN 'a' || char(0) || 'b' END FROM n;
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 800)
    INSERT INTO heartbeat (important, monitor_id, status, msg, time, ping) SELECT i % 2, 1 + i % 40, i % 3, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN x'' ELSE 'ok ' || i END, '2024-01-01 00:00:' || i, CASE i % 4 WHEN 0 THEN 0.1 + i WHEN 1 THEN -i END FROM n;
  INSERT INTO setting (key, value, type) VALUES ('a', 1e308, 'x'), ('A', -0.5, NULL), ('ü', zeroblob(3), 'json');
  INSERT INTO notification (name, config, user_id) VALUES ('mail', '{"to":"a@b"}', 1), (NULL, NULL, 2);
  INSERT INTO monitor_notification (monitor_id, notification_id) SELECT id, 1 + id % 2 FROM monitor WHERE id % 2 = 0;
`;

const STEPS: readonly ModelStep[] = [
  {
    name: 'renames',
    files: {
      'up.sql':
        'ALTER TABLE heartbeat RENAME TO "beat of a heart";\nALTER TABLE "beat of a heart" RENAME COLUMN msg TO [message];',
      'down.sql':
        'ALTER TABLE "beat of a heart" RENAME COLUMN message TO msg;\nALTER TABLE "beat of a heart" RENAME TO heartbeat;',
    },
    apply: (truth) => rename(truth.renameColumn('heartbeat', 'msg', 'message'), 'heartbeat', 'beat of a heart'),
    revert: (truth) => rename(truth.renameColumn('beat of a heart', 'message', 'msg'), 'beat of a heart', 'heartbeat'),
  },
  {
    name: 'monitor_without_weight',
    code: {
      declares: { mayDrop: ['monitor.weight'] },
      apply: (knex) => knex.schema.alterTable('monitor', (t) => t.dropColumn('weight')),
      revert: (knex) => knex.schema.alterTable('monitor', (t) => t.integer('weight').defaultTo(2000)),
    },
    apply: (truth) => truth.dropColumn('monitor', 'weight'),
    revert: (truth) => truth.addColumn('monitor', 'weight', () => 2000n, 2000n),
  },
  {
    name: 'user_by_hand',
    files: {
      'up.sql': `CREATE TABLE user_new (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, username VARCHAR(255) NOT NULL UNIQUE COLLATE NOCASE, password VARCHAR(255), active BOOLEAN NOT NULL DEFAULT 1, timezone VARCHAR(150));
INSERT INTO user_new SELECT * FROM user;
DROP TABLE user;
ALTER TABLE user_new RENAME TO user;`,
    },
    apply: () => undefined,
  },
];

const rename = (truth: RealProject['truth'], from: string, to: string): unknown =>
  truth.rename(from, to).change('sqlite_sequence', (row) => (row['name'] === from ? { ...row, name: to } : row));

for (const setting of SETTINGS) {
  describe(`Uptime Kuma's template (${titled(setting)})`, () => {
    let real: RealProject;
    let history: ModelHistory;
    beforeEach(async () => {
      real = realProject('kuma_template.db', setting, FILL);
      history = await ModelHistory.begin(real);
      history.add(...STEPS);
    });
    afterEach(() => real.p.remove());

    it('keeps every cell through renames, rebuilds, reverts and restores', async () => {
      await history.up();
      await history.restore({ beforeStep: '3' });
      await history.down(2);
      await history.up(2);
      await history.outside('DELETE FROM monitor_notification; DELETE FROM "beat of a heart" WHERE id > 700', (truth) =>
        truth.keep('monitor_notification', () => false).keep('beat of a heart', (row) => Number(row['id']) <= 700),
      );
      await history.restore({ latest: true }, ['beat of a heart']);
      await history.up();
    });

    it('goes back to before a step was applied, also when it was reverted since', async () => {
      await history.up(2);
      await history.down(1);
      await history.restore({ beforeStep: '2' });
    });

    it('never gives a number of AUTOINCREMENT out twice, whatever is rebuilt', async () => {
      await history.outside(
        `DELETE FROM monitor WHERE id = 39; DELETE FROM monitor WHERE id = 40; DELETE FROM heartbeat WHERE monitor_id > 38; DELETE FROM monitor_notification WHERE monitor_id > 38;
        INSERT INTO user (username) VALUES ('gone'); DELETE FROM user WHERE username = 'gone';`,
        (truth) => {
          for (const [table, column] of [
            ['monitor', 'id'],
            ['heartbeat', 'monitor_id'],
            ['monitor_notification', 'monitor_id'],
          ] as const)
            truth.keep(table, (row) => Number(row[column]) <= 38);
          truth.change('sqlite_sequence', (row) => (row['name'] === 'user' ? { ...row, seq: 3n } : row));
        },
      );
      await history.up();
      real.p.sql(`INSERT INTO monitor (name) VALUES ('next'); INSERT INTO user (username) VALUES ('next');`);
      expect(real.p.rows(`SELECT id FROM monitor WHERE name = 'next'`)).to.deep.equal([{ id: 41 }]);
      expect(real.p.rows(`SELECT id FROM user WHERE username = 'next'`)).to.deep.equal([{ id: 4 }]);
    });

    it('keeps the counters of AUTOINCREMENT when a table that is gone is put back', async () => {
      await history.outside('DELETE FROM setting WHERE id = 3', (truth) =>
        truth.keep('setting', (row) => row['id'] !== 3n),
      );
      const whole = real.truth.copy();
      await history.up(1);
      await history.outside('DROP TABLE monitor_notification; DROP TABLE setting;', (truth) => {
        truth
          .drop('monitor_notification')
          .drop('setting')
          .keep('sqlite_sequence', (row) => row['name'] !== 'setting');
        truth.objects.delete('index monitor_notification_index');
      });
      await history.restore({ beforeStep: '1' }, ['setting', 'monitor_notification'], (truth) => {
        truth.add(
          'sqlite_sequence',
          whole.rows('sqlite_sequence').filter((row) => row['name'] === 'setting'),
        );
        truth.objects.add('index monitor_notification_index');
      });
    });
  });
}
