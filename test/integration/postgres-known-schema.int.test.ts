// The schema that is known from before: believed as long as nobody has changed anything of it, and no longer.
import { expect } from 'chai';
import { okAsync } from 'neverthrow';
import type { SchemaSnapshot } from '#src/core/schema/snapshot.js';
import { inspectSchema } from '#src/dao/dialects/postgres/inspect/inspector.js';
import { KnownSchema } from '#src/dao/dialects/postgres/inspect/known-schema.js';
import { momentOf, type Moment } from '#src/dao/dialects/postgres/inspect/moment.js';
import { probeSchema } from '#src/dao/dialects/postgres/inspect/probe.js';
import { DDL, DDL_SETUP } from '../support/postgres-ddl.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const MORE = [
  `COMMENT ON COLUMN b.w IS 'w'; COMMENT ON FUNCTION f() IS 'f'`,
  `COMMENT ON SCHEMA public IS 'theirs'`,
  'CREATE SCHEMA made',
  'CREATE STATISTICS st ON id, a FROM b',
  'CREATE PUBLICATION one FOR TABLE a',
  'CREATE EXTENSION citext',
  'ALTER POLICY own ON b USING (id > 2)',
  'CREATE TYPE made AS RANGE (subtype = int)',
  'CREATE FUNCTION made() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$; CREATE EVENT TRIGGER made ON ddl_command_end EXECUTE FUNCTION made()',
  'DROP EVENT TRIGGER made',
  'ALTER TABLE b CLUSTER ON b_pkey',
  'GRANT USAGE ON SEQUENCE s TO public',
];

describe('the known schema of a PostgreSQL database', () => {
  let bench: StepBench;
  let known: KnownSchema;
  beforeEach(async function () {
    bench = await stepBench(this);
    await bench.sql(`${DDL_SETUP}; CREATE POLICY own ON b USING (id > 1)`);
    known = new KnownSchema(bench.work);
    value(await known.read());
  });
  afterEach(() => bench.close());

  const whole = async (): Promise<SchemaSnapshot> => value(await inspectSchema(bench.work));
  const expectTrue = async (): Promise<void> => {
    expect(value(await known.read())).to.deep.equal(await whole());
  };

  it('is not read again while only rows change', async () => {
    const first = value(await known.read());
    await bench.sql(`INSERT INTO a (v, n, m) VALUES ('1', 1, 'ok'); INSERT INTO b (a, w) VALUES (1, 'x'); SELECT setval('s', 7);
      CREATE SCHEMA migrate_safe_backup; CREATE TABLE migrate_safe_backup.copy AS SELECT * FROM a`);
    await bench.sql('ANALYZE');
    expect(value(await known.read())).to.equal(first);
  });

  it('is read again after whatever somebody else does to it', async () => {
    for (const script of [...MORE, ...DDL]) {
      const before = value(await known.read());
      const done = await bench.other.query(`BEGIN; SET LOCAL search_path = public; ${script}; COMMIT`);
      // What cannot be done behind what was done before is left out.
      if (done.isErr()) value(await bench.other.query('ROLLBACK'));
      const after = await whole();
      expect(value(await known.read()), script).to.deep.equal(after);
      if (JSON.stringify(before) !== JSON.stringify(after))
        expect(value(await known.read()), script).to.not.equal(before);
    }
  });

  it('has another probe for whatever a step does to it', async () => {
    const first = value(await probeSchema(bench.work));
    for (const script of DDL) {
      const before = await whole();
      const { step, seen } = await bench.script(script);
      const isSame = JSON.stringify(before) === JSON.stringify(seen.after);
      if (!isSame) expect(value(await probeSchema(bench.work)), script).to.not.equal(first);
      value(await step.rollback());
      expect(value(await probeSchema(bench.work)), script).to.equal(first);
    }
  });

  it('is read again after a transaction that began before it was read', async () => {
    value(await bench.other.query('BEGIN; CREATE TABLE public.late (id int)'));
    await expectTrue();
    value(await bench.work.query('CREATE TABLE public.early (id int)'));
    await expectTrue();
    value(await bench.other.query('COMMIT'));
    await expectTrue();
    expect(value(await known.read()).tables.map(({ name }) => name)).to.include('late');
  });

  /** Begins a step that leaves to `known` what it has made of the schema. */
  const begin = (): ReturnType<StepBench['begin']> =>
    bench.begin({ leave: (left) => known.leave(left, () => okAsync(bench.other)) });
  const commit = async (step: Awaited<ReturnType<typeof begin>>): Promise<void> => {
    value(await step.commit());
    known.ended('committed');
  };
  /** Something that has nothing to do with the schema, again and again. */
  const beBusy = async (): Promise<void> => {
    for (let times = 0; times < 2; times++) {
      const step = await begin();
      value(await bench.run(step, `ALTER TABLE b ADD COLUMN busy_${times} int`));
      await commit(step);
      await bench.sql('UPDATE a SET n = n');
      value(await known.read());
    }
  };

  it('is what a step has left, where nobody else changed anything meanwhile', async () => {
    const step = await begin();
    const seen = value(await bench.run(step, 'ALTER TABLE b ADD COLUMN more int'));
    await commit(step);
    expect(value(await known.read())).to.equal(seen.after);
    await expectTrue();
  });

  it('is what a step has left that went back to savepoints, and let go of them', async () => {
    const step = await bench.begin({ leave: (left) => known.leave(left, () => okAsync(bench.other)) });
    const handle = value(await step.handle(new AbortController().signal, 'work'));
    await handle.transaction(async (trx) => trx.raw('ALTER TABLE b DROP COLUMN w'));
    await handle.transaction(async (trx) => trx.raw('DELETE FROM b')).catch(() => undefined);
    value(await step.endWork());
    const seen = value(await step.observe());
    await commit(step);
    expect(value(await known.read())).to.equal(seen.after);
    await expectTrue();
  });

  it('is what a step has left, where others only write rows all the time', async () => {
    await beBusy();
    const step = await begin();
    await bench.sql('UPDATE a SET n = n');
    const seen = value(await bench.run(step, 'ALTER TABLE b ADD COLUMN more int'));
    await bench.sql('UPDATE a SET n = n');
    await commit(step);
    await bench.sql('UPDATE a SET n = n');
    expect(value(await known.read())).to.equal(seen.after);
    await expectTrue();
  });

  for (const others of ['where it is quiet', 'where others write rows all the time'] as const)
    for (const when of ['before it is observed', 'after it was observed', 'after its end'] as const)
      it(`is read again where somebody else changed something during a step, ${when}, ${others}`, async () => {
        if (others !== 'where it is quiet') await beBusy();
        const change = (): Promise<void> => bench.sql('COMMENT ON TABLE c IS $$theirs$$; DROP TABLE i_child');
        const step = await begin();
        value(await bench.run(step, 'ALTER TABLE b ADD COLUMN first int'));
        if (when === 'before it is observed') await change();
        value(await bench.run(step, 'ALTER TABLE b ADD COLUMN more int'));
        if (when === 'after it was observed') await change();
        await commit(step);
        if (when === 'after its end') await change();
        await expectTrue();
      });

  it('tells its relations to a step only until somebody has changed any', async () => {
    const step = await begin();
    value(await bench.run(step, 'ALTER TABLE b ADD COLUMN more int'));
    await commit(step);
    value(await known.read());
    const now = async (): Promise<Moment> => {
      const { rows } = value(await bench.other.query<{ at: string }>('SELECT pg_current_snapshot()::text AS at'));
      return momentOf(rows[0]?.at ?? '');
    };
    expect([...(known.relationsAt(await now())?.values() ?? [])].map(({ name }) => name)).to.include('b');
    value(await bench.work.query('BEGIN; CREATE TABLE public.mine (id int)'));
    expect(known.relationsAt(await now())).to.not.equal(undefined);
    value(await bench.work.query('COMMIT'));
    expect(known.relationsAt(await now())).to.equal(undefined);
  });

  it('is what it was after a step that was rolled back', async () => {
    const first = value(await known.read());
    const { step } = await bench.script('ALTER TABLE b ADD COLUMN more int');
    value(await step.rollback());
    known.ended('rolled-back');
    expect(value(await known.read())).to.equal(first);
    await expectTrue();
  });
});
