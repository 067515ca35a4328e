// Runs of several steps on PostgreSQL: what one leaves known to the next is what a run of its own would read.
import { expect } from 'chai';
import type { MigrateSafeOptions } from 'migrate-safe';
import { RunPlace, type Step, type Told } from '../support/postgres-runs.js';
import { value } from '../support/project.js';

const BASE = `CREATE TABLE par (id int PRIMARY KEY, x text); INSERT INTO par SELECT i, 'x' FROM generate_series(1, 9) AS i;
  CREATE TABLE victim (id int PRIMARY KEY, x text); INSERT INTO victim SELECT i, 'x' FROM generate_series(1, 7) AS i;
  CREATE TABLE bare (id int, x text); INSERT INTO bare SELECT i, 'x' FROM generate_series(1, 20) AS i;`;
const F = `CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$ BEGIN UPDATE public.victim SET x = 'f'; RETURN 'f'; END $$;
  CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.victim SET x = 't'; RETURN NEW; END $$;`;
const undone = (body: string): string =>
  `DO $$ BEGIN BEGIN ${body}; RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN NULL; END; END $$`;

const CASES: readonly (readonly [
  what: string,
  setup: string,
  steps: readonly Step[],
  options?: Partial<MigrateSafeOptions>,
])[] = [
  [
    'a default of a view',
    `${BASE}${F} CREATE VIEW v AS SELECT id, x FROM par`,
    ['UPDATE par SET x = id', 'ALTER VIEW v ALTER COLUMN x SET DEFAULT f()', 'INSERT INTO v (id) VALUES (20)'],
  ],
  [
    'a key of an extension’s table',
    `${BASE} CREATE EXTENSION citext; CREATE TABLE extt (p int); INSERT INTO extt VALUES (1); ALTER EXTENSION citext ADD TABLE extt`,
    [
      'UPDATE par SET x = id',
      'ALTER TABLE extt ADD FOREIGN KEY (p) REFERENCES par ON UPDATE CASCADE',
      'UPDATE par SET id = id + 100',
    ],
  ],
  [
    'a function of an extension',
    `${BASE}${F} CREATE EXTENSION citext; CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE UPDATE ON par FOR EACH ROW EXECUTE FUNCTION g(); ALTER EXTENSION citext ADD FUNCTION g()`,
    [
      'UPDATE par SET x = id',
      `CREATE OR REPLACE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE victim SET x = TG_OP; RETURN NEW; END'`,
      'UPDATE par SET x = 1',
    ],
  ],
  [
    'what a block undid',
    BASE,
    [undone('DELETE FROM bare'), `UPDATE bare SET x = 'y' WHERE id = 1`],
    { tableBackup: 'never' },
  ],
  [
    'what a trigger undid',
    BASE +
      ` CREATE TABLE w (id int); CREATE FUNCTION u() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN BEGIN DELETE FROM bare; RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN NEW; END $$; CREATE TRIGGER u BEFORE INSERT ON w FOR EACH ROW EXECUTE FUNCTION u()`,
    ['INSERT INTO w VALUES (1)', 'CREATE TABLE z (id int)', `UPDATE bare SET x = 'y' WHERE id = 1`],
    { tableBackup: 'never' },
  ],
  [
    'a trigger behind rows',
    BASE + F + ` CREATE TABLE w (id int); CREATE TRIGGER u BEFORE INSERT ON w FOR EACH ROW EXECUTE FUNCTION tf()`,
    ['INSERT INTO w VALUES (1)', 'INSERT INTO w VALUES (2)', 'CREATE TABLE z (id int)'],
  ],
  [
    'what the engine read for keys',
    `${BASE}${F} CREATE TABLE kid (p int REFERENCES par ON DELETE CASCADE); INSERT INTO kid VALUES (5); CREATE INDEX ON kid (p); CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$; CREATE TRIGGER keep BEFORE DELETE ON kid FOR EACH ROW EXECUTE FUNCTION keep()`,
    [
      '-- migrate-safe: may-lose-rows table=par\nDELETE FROM par WHERE id = 1',
      '-- migrate-safe: may-lose-rows table=par\nDROP INDEX kid_p_idx; DELETE FROM par WHERE id = 2',
      '-- migrate-safe: may-lose-rows table=par\nDELETE FROM par WHERE id = 3',
    ],
  ],
  [
    'a foreign key',
    BASE,
    [
      'UPDATE par SET x = id',
      'ALTER TABLE victim ADD FOREIGN KEY (id) REFERENCES par ON UPDATE CASCADE',
      'UPDATE par SET id = id + 100',
    ],
  ],
  [
    'a column of rows',
    BASE,
    [
      'UPDATE par SET x = id',
      'ALTER TABLE victim ADD COLUMN p par',
      'ALTER TABLE par ALTER x TYPE varchar',
      'UPDATE par SET x = 1',
    ],
  ],
  [
    'a partition',
    `${BASE} CREATE TABLE parts (id int PRIMARY KEY, x text) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF parts FOR VALUES FROM (100) TO (200); INSERT INTO parts VALUES (150, 'x')`,
    [
      `UPDATE parts SET x = 'a'`,
      'ALTER TABLE victim ALTER id SET NOT NULL; ALTER TABLE parts ATTACH PARTITION victim FOR VALUES FROM (0) TO (99)',
      `UPDATE parts SET x = 'c'`,
    ],
  ],
  [
    'names that are given to each other',
    `${BASE} CREATE TABLE par2 (LIKE par INCLUDING ALL); CREATE TABLE kid (p int REFERENCES par ON UPDATE CASCADE); INSERT INTO kid VALUES (1)`,
    [
      'UPDATE par SET x = id',
      'ALTER TABLE par RENAME TO q; ALTER TABLE par2 RENAME TO par; ALTER TABLE q RENAME TO par2',
      'UPDATE par SET id = id + 50',
      'UPDATE par2 SET id = id + 50',
    ],
  ],
  [
    'hostile names',
    `${BASE} CREATE SCHEMA "a.b"; CREATE TABLE "a.b"."c""d'e\\" (id int PRIMARY KEY, x text); INSERT INTO "a.b"."c""d'e\\" VALUES (1, 'x')`,
    [
      `UPDATE "a.b"."c""d'e\\" SET x = 'y'`,
      `CREATE TABLE kid (p int REFERENCES "a.b"."c""d'e\\" ON UPDATE CASCADE)`,
      'INSERT INTO kid VALUES (1)',
      `UPDATE "a.b"."c""d'e\\" SET id = 2`,
    ],
  ],
  [
    'settings',
    `${BASE} CREATE SCHEMA "o'\\p"`,
    [
      `SET standard_conforming_strings = off; SET search_path = "o'\\p", public; UPDATE par SET x = id`,
      `SET search_path = "o'\\p"; CREATE TABLE here (id int)`,
      `CREATE TABLE there (id int); SET standard_conforming_strings = off; UPDATE par SET x = 'a'`,
    ],
  ],
  [
    'steps outside of a transaction',
    BASE,
    [
      'UPDATE par SET x = id',
      '-- migrate-safe: no-transaction\nCREATE INDEX CONCURRENTLY ci ON par (x)',
      'UPDATE par SET x = 1',
      '-- migrate-safe: no-transaction\nALTER TABLE victim ADD FOREIGN KEY (id) REFERENCES par ON UPDATE CASCADE',
      'UPDATE par SET id = id + 100',
    ],
    { guard: 'off' },
  ],
  [
    'prepared statements',
    BASE,
    [
      'DEALLOCATE ALL; UPDATE par SET x = 1',
      `DEALLOCATE ALL; PREPARE migrate_safe_look_held_step_1 AS SELECT 1; PREPARE migrate_safe_lock_step_1 AS SELECT true AS held; PREPARE migrate_safe_lock_engine_1 AS SELECT true AS held; UPDATE par SET x = 2`,
      'INSERT INTO par VALUES (77)',
      'DELETE FROM par WHERE id = 77',
    ],
    {},
  ],
];

describe('a run of several steps on PostgreSQL', () => {
  const places: RunPlace[] = [];
  afterEach(async () => {
    for (const one of places.splice(0)) await one.close();
  });
  const place = async (test: Mocha.Context, setup: string): Promise<RunPlace> => {
    const made = await RunPlace.make(test, setup);
    places.push(made);
    return made;
  };

  for (const [what, setup, steps, options] of CASES)
    it(`tells of each what a run of its own does, with ${what}`, async function () {
      const one = await place(this, setup);
      one.write(steps);
      const together = await one.up(one.manager(options));
      const many = await place(this, setup);
      many.write(steps);
      const apart: Told[] = [];
      for (const at of steps.keys()) {
        const version = `000${at + 2}`;
        const safe = many.manager(options);
        apart.push(...(await many.up(safe, version, version)));
        value(await safe.close());
        if (apart.at(-1)?.failed !== undefined) break;
      }
      expect(together).to.deep.equal(apart);
    });

  const told = (all: readonly Told[]): unknown => all.map(({ step, copies, failed }) => failed ?? [step, ...copies]);
  const CASCADE = 'ALTER TABLE victim ADD FOREIGN KEY (id) REFERENCES par ON UPDATE CASCADE';
  const code = (apply: string, more = ''): Step => ({
    code: `export default { declares: { touches: [] }, apply: ${apply}, ${more} };`,
  });

  for (const [when, step] of [
    ['in', code('() => globalThis.keptHook()')],
    [
      'in the transaction of',
      code(`async (knex) => { await knex.raw('CREATE TABLE q ()'); await globalThis.keptHook(); }`),
    ],
    [
      'behind',
      code(`(knex) => knex.raw('CREATE TABLE q ()')`, 'validate: async () => { await globalThis.keptHook(); }'),
    ],
  ] as const)
    it(`sees what somebody else adds ${when} a step`, async function () {
      const at = await place(this, BASE);
      Object.assign(globalThis, { keptHook: () => at.client.query(CASCADE) });
      at.write(['UPDATE par SET x = 1', step, 'UPDATE par SET id = id + 100']);
      expect(told(await at.up(at.manager()))).to.deep.equal([[2, 'par 9'], [3], [4, 'par 9', 'victim 7']]);
    });

  it('knows what is there behind a step that failed, and behind a revert', async function () {
    const at = await place(this, BASE);
    const MOVES = 'UPDATE par SET id = id + 100';
    at.write(['UPDATE par SET x = 1', `${CASCADE}; ${MOVES}; SELECT 1 / 0`]);
    const safe = at.manager();
    expect(told(await at.up(safe))).to.deep.equal([[2, 'par 9'], 'division by zero']);
    at.write([`${CASCADE}; ${MOVES}`, MOVES], 3);
    expect(told(await at.up(safe, '0003'))).to.deep.equal([
      [3, 'par 9', 'victim 7'],
      [4, 'par 9', 'victim 7'],
    ]);
    at.revert('0004', 'ALTER TABLE victim DROP CONSTRAINT victim_id_fkey; UPDATE par SET id = id - 100');
    value(await safe.down());
    at.write(['UPDATE victim SET x = 1', MOVES], 4);
    expect(told(await at.up(safe, '0005'))).to.deep.equal([[5, 'par 9']]);
    expect(await at.rows('SELECT min(id), max(id) FROM victim')).to.deep.equal([{ min: 201, max: 207 }]);
  });

  for (const tableBackup of ['each-step', 'never'] as const)
    it(`counts what others commit while a lock is waited for, with copies ${tableBackup}`, async function () {
      const at = await place(
        this,
        `${BASE} CREATE TABLE none (id int); DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = %L', current_database(), 'repeatable read'); END $$`,
      );
      at.write(['UPDATE par SET x = 1', 'DROP TABLE none']);
      await at.client.query('BEGIN; INSERT INTO none VALUES (1), (2)');
      const running = at.up(at.manager({ tableBackup }));
      const waits = `SELECT FROM pg_locks WHERE relation = 'none'::regclass AND NOT granted`;
      while ((await at.rows(waits)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      await at.client.query('COMMIT');
      const [, refused] = await running;
      expect(refused?.failed).to.equal('would drop table none with its 2 rows, which the step does not declare');
    });
});
