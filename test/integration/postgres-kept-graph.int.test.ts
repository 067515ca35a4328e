// What hangs on what is kept from one step to the next on PostgreSQL: never longer than it is true.
import { expect } from 'chai';
import fc from 'fast-check';
import { keepsGraph } from '#src/dao/dialects/postgres/tables/kept-graph.js';
import { tablesAtReach, type Graph } from '#src/dao/dialects/postgres/tables/graph.js';
import { readGraph } from '#src/dao/dialects/postgres/tables/read-graph.js';
import { reachOf } from '#src/dao/dialects/postgres/tables/statement-names.js';
import { inspectSchema } from '#src/dao/dialects/postgres/inspect/inspector.js';
import { splitStatements } from '#src/dao/dialects/postgres/sql/split.js';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const TABLES = ['a', 'b', 'c', 'd'] as const;
const PRELUDE = `
  ${TABLES.map((table) => `CREATE TABLE ${table} (id int PRIMARY KEY, n int, parent int)`).join('; ')};
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE TYPE pair AS (x int, y int);
  CREATE FUNCTION tidy() RETURNS int LANGUAGE sql AS $$ DELETE FROM d; SELECT 1 $$;
  CREATE FUNCTION fixed(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF $1 < 0 THEN DELETE FROM d; END IF; RETURN $1; END $$;
  CREATE FUNCTION react() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM c; RETURN NULL; END $$`;

/** What can be done to a table `t`, with another one `u` at hand; `n` makes names differ. */
const CHANGES: readonly ((t: string, u: string, n: number) => string)[] = [
  (t, _u, n) => `ALTER TABLE ${t} ADD COLUMN plain_${n} text`,
  (t, _u, n) => `ALTER TABLE ${t} ADD COLUMN counted_${n} int NOT NULL DEFAULT 7`,
  (t, _u, n) => `ALTER TABLE ${t} ADD COLUMN called_${n} int DEFAULT tidy()`,
  (t, _u, n) => `ALTER TABLE ${t} ADD COLUMN made_${n} int GENERATED ALWAYS AS (fixed(n)) STORED`,
  (t, u, n) => `ALTER TABLE ${t} ADD COLUMN whole_${n} ${u}`,
  (t, u, n) => `ALTER TABLE ${t} ADD COLUMN wholes_${n} ${u}[]`,
  (t, _u, n) => `ALTER TABLE ${t} ADD COLUMN positive_${n} positive`,
  (t, _u, n) => `ALTER TABLE ${t} ADD COLUMN pair_${n} pair`,
  (t, u, n) => `ALTER TABLE ${t} ADD CONSTRAINT gone_${n} FOREIGN KEY (parent) REFERENCES ${u} ON DELETE CASCADE`,
  (t, u, n) => `ALTER TABLE ${t} ADD CONSTRAINT stays_${n} FOREIGN KEY (parent) REFERENCES ${u}`,
  (t, u, n) => `ALTER TABLE ${t} ADD COLUMN other_${n} int REFERENCES ${u} ON DELETE SET NULL`,
  (t, _u, n) => `ALTER TABLE ${t} ADD CONSTRAINT asked_${n} CHECK (n > fixed(0))`,
  (t, _u, n) => `CREATE INDEX plain_index_${n} ON ${t} (n)`,
  (t, _u, n) => `CREATE INDEX called_index_${n} ON ${t} (fixed(n))`,
  (t, _u, n) => `CREATE INDEX part_index_${n} ON ${t} (n) WHERE fixed(n) > 1`,
  (t) => `CREATE OR REPLACE VIEW look AS SELECT id FROM ${t}`,
  (t, _u, n) => `CREATE TRIGGER trigger_${n} AFTER DELETE ON ${t} FOR EACH STATEMENT EXECUTE FUNCTION react()`,
  (t, u, n) => `CREATE RULE rule_${n} AS ON DELETE TO ${t} DO ALSO DELETE FROM ${u}`,
  (t, _u, n) => `CREATE POLICY policy_${n} ON ${t} USING (tidy() > 0)`,
  (t, _u, n) => `CREATE TABLE child_${n} () INHERITS (${t})`,
  (t, _u, n) => `CREATE TABLE fresh_${n} (id int PRIMARY KEY, up int REFERENCES ${t} ON DELETE CASCADE)`,
  (t) => `ALTER TABLE ${t} ALTER COLUMN n SET DEFAULT tidy()`,
  (t) => `ALTER TABLE ${t} ALTER COLUMN n DROP DEFAULT`,
  (t) => `ALTER TABLE ${t} ALTER COLUMN n TYPE bigint`,
  (t, u) => `ALTER TABLE ${t} RENAME TO swap; ALTER TABLE ${u} RENAME TO ${t}; ALTER TABLE swap RENAME TO ${u}`,
  (t) => `COMMENT ON TABLE ${t} IS 'told'; GRANT SELECT ON ${t} TO PUBLIC`,
  (_t, u) => `CREATE OR REPLACE FUNCTION tidy() RETURNS int LANGUAGE sql AS $$ DELETE FROM ${u}; SELECT 2 $$`,
  (t) =>
    `CREATE OR REPLACE FUNCTION react() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM ${t}; RETURN NULL; END $$`,
];

/** The tables at reach of what can be said about each. */
const reaches = (graph: Graph): readonly (readonly string[])[] =>
  [
    ...TABLES.flatMap((table) => [`DELETE FROM ${table}`, `TRUNCATE ${table}`]),
    'SELECT tidy()',
    'DELETE FROM look',
  ].map((sql) =>
    tablesAtReach(
      graph,
      { reach: reachOf(splitStatements(sql)._unsafeUnwrap()), declared: [], isComplete: false },
      () => false,
    ).map(({ name }) => name),
  );

describe('what hangs on what on PostgreSQL, kept from step to step', () => {
  let bench: StepBench;
  beforeEach(async function () {
    bench = await stepBench(this);
    await bench.sql(PRELUDE);
  });
  afterEach(() => bench.close());

  const now = async (): Promise<{ graph: Graph; schema: Awaited<ReturnType<typeof schemaNow>> }> => ({
    graph: value(await readGraph(bench.work)),
    schema: await schemaNow(),
  });
  const schemaNow = async () => value(await inspectSchema(bench.work));

  it('is kept over plain columns and indexes, comments and rights', async () => {
    const { schema } = await now();
    for (const at of [0, 1, 12, 25]) await bench.sql(CHANGES[at]?.('a', 'b', at) ?? '');
    expect(keepsGraph(schema, await schemaNow())).to.equal(true);
  });

  it('leads to every table that it leads to when it is read again, whatever was done', async function () {
    this.timeout(60_000);
    const change = fc.tuple(fc.nat(CHANGES.length - 1), fc.constantFrom(...TABLES), fc.constantFrom(...TABLES));
    let kept = 0;
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        let known = await now();
        value(await bench.work.query('BEGIN'));
        for (const [at, table, other] of changes) {
          const sql = CHANGES[at]?.(table, other, (number += 1)) ?? '';
          value(await bench.work.query('SAVEPOINT one; SET LOCAL search_path = public'));
          const done = await bench.work.query(sql);
          // What cannot be done, as a name that is taken, changes nothing.
          value(await bench.work.query(done.isOk() ? `SET LOCAL search_path = ''` : 'ROLLBACK TO one'));
          const next = await now();
          if (!keepsGraph(known.schema, next.schema)) known = next;
          else {
            kept += 1;
            known = { ...known, schema: next.schema };
            for (const [probe, tables] of reaches(next.graph).entries())
              expect(reaches(known.graph)[probe], sql).to.include.members([...tables]);
          }
        }
        value(await bench.work.query('ROLLBACK'));
      }),
      { numRuns: 40 },
    );
    expect(kept).to.be.greaterThan(10);
  });
});
