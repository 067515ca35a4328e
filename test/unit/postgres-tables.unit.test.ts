// Which tables a step can change: by the words of its statements, and by what hangs on what. Never too few.
import { expect } from 'chai';
import fc from 'fast-check';
import { tablesAtReach, EMPTY_GRAPH, type Graph, type Relation } from '#src/dao/dialects/postgres/tables/graph.js';
import { ofBody, reachOf } from '#src/dao/dialects/postgres/tables/statement-names.js';
import { knownOf } from '#src/dao/dialects/postgres/tables/touched-by.js';
import { splitStatements } from '#src/dao/dialects/postgres/sql/split.js';
import { quoted } from '#src/dao/dialects/postgres/name.js';
import { revertDeclarations } from '#src/core/steps/migration-step.js';
import { parseDirectives } from '#src/steps/sql-directives.js';

const changesOf = (script: string): readonly string[] =>
  [...reachOf(splitStatements(script)._unsafeUnwrap()).changes].toSorted();
const isAnything = (script: string): boolean => reachOf(splitStatements(script)._unsafeUnwrap()).anything;

describe('reachOf', () => {
  it('names what a statement may change, folded, cut and unescaped as the server does it', () => {
    for (const [sql, name] of [
      ['UPDATE Orders SET a = 1', 'orders'],
      ['DELETE FROM ONLY shop."Orders"', 'Orders'],
      ['INSERT INTO "a""b.c" VALUES (1)', 'a"b.c'],
      ['TRUNCATE a, B', 'b'],
      ['ALTER TABLE IF EXISTS t DROP COLUMN x', 't'],
      ['DROP TABLE gone', 'gone'],
      ['WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d', 't'],
      ['MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE', 't'],
      ['COPY t FROM PROGRAM $$x$$', 't'],
      ['CALL tidy(now())', 'tidy'],
      ['EXPLAIN ANALYZE DELETE FROM t', 't'],
      ['PREPARE p AS DELETE FROM t', 't'],
      ['CREATE RULE r AS ON INSERT TO a DO DELETE FROM t', 't'],
      ['DELETE FROM U&"d\\0061t\\+000061"', 'data'],
      [`DELETE FROM ${'é'.repeat(40)}`, 'é'.repeat(31)],
      [`SELECT create_it('orders') FROM x FOR UPDATE`, 'orders'],
      ['DO $$ BEGIN DELETE FROM t; END $$', 't'],
      [`DO LANGUAGE plpgsql 'BEGIN DELETE FROM t; END'`, 't'],
      [`DO E'BEGIN\\n DELETE FROM\\tt; END'`, 't'],
      ['CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM t $$', 't'],
      ['CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC DELETE FROM t; END', 't'],
      ['CREATE PROCEDURE f() LANGUAGE plpgsql AS $a$ BEGIN UPDATE t SET x = $$y$$; END $a$', 't'],
    ] as const)
      expect(changesOf(sql), sql).to.include(name);
  });

  it('changes nothing by making, reading and describing', () => {
    for (const sql of [
      'CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE)',
      'CREATE TABLE copy AS SELECT * FROM orders',
      'CREATE UNLOGGED TABLE x (a int)',
      'CREATE UNIQUE INDEX CONCURRENTLY i ON orders (a)',
      'CREATE OR REPLACE VIEW v AS SELECT * FROM orders',
      'CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f()',
      'CREATE MATERIALIZED VIEW m AS SELECT * FROM orders',
      `COMMENT ON TABLE orders IS 'DELETE FROM orders'`,
      'GRANT UPDATE ON orders TO PUBLIC',
      'ANALYZE orders',
      'REINDEX TABLE CONCURRENTLY orders',
      'DROP INDEX i',
      'DROP VIEW orders_view CASCADE',
      'SELECT count(*) FROM orders',
      'WITH a AS (SELECT 1) SELECT * FROM a, orders',
      `ALTER TYPE mood ADD VALUE 'sad'`,
      'REFRESH MATERIALIZED VIEW m',
    ])
      expect([changesOf(sql), isAnything(sql)], sql).to.deep.equal([[], false]);
  });

  it('says that it cannot say where a text is put together, or columns go with something else', () => {
    for (const sql of [
      `DO $$ BEGIN EXECUTE 'DROP TABLE ' || 't'; END $$`,
      `DO $$ BEGIN execute format('DELETE FROM %I', x); END $$`,
      'DO LANGUAGE plpython3u $$ plpy.execute("x") $$',
      `CREATE FUNCTION f() RETURNS void LANGUAGE 'plperl' AS $$ x $$`,
      'DROP TYPE mood CASCADE',
      'DROP SCHEMA s CASCADE',
      'DROP EXTENSION citext CASCADE',
      'DROP OWNED BY someone',
      'ALTER TYPE pair ADD ATTRIBUTE c int CASCADE',
      'ALTER TYPE s.pair DROP ATTRIBUTE c',
      `SELECT query_to_xml('x', true, true, '')`,
      `DELETE FROM U&"d!0061ta" UESCAPE '!'`,
    ])
      expect(isAnything(sql), sql).to.equal(true);
    expect(isAnything('DROP TYPE mood')).to.equal(false);
    expect(
      ofBody('BEGIN CREATE TRIGGER a BEFORE INSERT ON b FOR EACH ROW EXECUTE FUNCTION c(); END').anything,
    ).to.equal(false);
    expect(ofBody('BEGIN GRANT EXECUTE ON FUNCTION f TO PUBLIC; END').anything).to.equal(false);
    expect(ofBody('BEGIN RETURN QUERY EXECUTE function; END').anything).to.equal(true);
  });

  it('finds every name in every statement that changes, whatever stands around it', () => {
    const name = fc
      .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
      .filter((text) => !text.includes('\0') && Buffer.byteLength(text) <= 63);
    const around = fc.constantFrom('', ' ', '\n-- x\n', '/* a /* b */ c */', ' ONLY ', ' s.', ' "s".');
    const statement = fc.constantFrom(
      'DELETE FROM ',
      'TRUNCATE ',
      'DROP TABLE ',
      'UPDATE ',
      'INSERT INTO ',
      'DO $b$ BEGIN DELETE FROM ',
      'ALTER TABLE ',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(statement, around, name), { minLength: 1, maxLength: 4 }), (parts) => {
        const script = parts
          .map(([head, gap, table]) => `${head}${gap}${quoted(table)}${head.startsWith('DO') ? '; END $b$' : ' x'}`)
          .join(';\n');
        const split = splitStatements(script);
        fc.pre(split.isOk());
        for (const [, , table] of parts) expect(changesOf(script), script).to.include(table);
      }),
    );
  });
});

const relation = (id: number, kind: Relation['kind'] = 'r', more: Partial<Relation> = {}): Relation => ({
  id,
  schema: 'public',
  name: `t${id}`,
  kind,
  extension: false,
  ...more,
});
const touched = (graph: Partial<Graph>, script: string): readonly string[] =>
  tablesAtReach(
    { ...EMPTY_GRAPH, ...graph },
    knownOf(
      splitStatements(script)
        ._unsafeUnwrap()
        .map((one, at) => ({ ...one, index: at + 1 })),
      {},
    ),
    (name) => name === 'neighbour',
  ).map(({ name }) => name);

describe('tablesAtReach', () => {
  const tables = [1, 2, 3, 4].map((id) => relation(id));

  it('follows cascades, and truncation also where a key only refuses', () => {
    const references: Graph['references'] = [
      [1, 2, true],
      [2, 3, true],
      [1, 4, false],
    ];
    expect(touched({ relations: tables, references }, 'DELETE FROM t1')).to.deep.equal(['t1', 't2', 't3']);
    expect(touched({ relations: tables, references }, 'TRUNCATE t1 CASCADE')).to.deep.equal(['t1', 't2', 't3', 't4']);
    expect(touched({ relations: tables, references }, 'DELETE FROM t3')).to.deep.equal(['t3']);
  });

  it('follows triggers into what their functions name and call', () => {
    const routines = [
      { id: 10, name: 'f', body: 'BEGIN INSERT INTO t3 VALUES (1); PERFORM g(); END' },
      { id: 11, name: 'g', body: 'TRUNCATE t2' },
      { id: 12, name: 'opaque', body: null },
    ];
    expect(touched({ relations: tables, routines, calls: [[1, 10]] }, 'UPDATE t1 SET a = 1')).to.deep.equal([
      't1',
      't2',
      't3',
    ]);
    expect(touched({ relations: tables, routines }, 'SELECT g()')).to.deep.equal(['t2']);
    expect(touched({ relations: tables, routines }, 'SELECT opaque()')).to.deep.equal(['t1', 't2', 't3', 't4']);
    expect(touched({ relations: tables, routines, onEvents: [11] }, 'CREATE TABLE n (a int)')).to.deep.equal(['t2']);
    expect(
      touched({ relations: tables, routines, calls: [[1, 11]], references: [[2, 4, false]] }, 'UPDATE t1 SET a = 1'),
    ).to.deep.equal(['t1', 't2', 't4']);
  });

  it('goes from a parent to its partitions and children, and through a view to what it shows', () => {
    const relations = [relation(1, 'p'), relation(2), relation(3), relation(4, 'v'), relation(5, 'f')];
    const graph = {
      relations,
      inherits: [
        [1, 2],
        [1, 3],
        [1, 5],
      ],
      uses: [[4, 1]],
    } satisfies Partial<Graph>;
    expect(touched(graph, 'DELETE FROM t4')).to.deep.equal(['t2', 't3']);
    expect(touched(graph, 'DELETE FROM t2')).to.deep.equal(['t2']);
    const routines = [{ id: 10, name: 'f', body: 'DELETE FROM t3' }];
    expect(touched({ ...graph, routines, calls: [[4, 10]] }, 'SELECT * FROM t4')).to.deep.equal(['t3']);
  });

  it('takes all tables of the application for code, but what it says of itself', () => {
    const relations = [
      ...tables,
      relation(5, 'r', { name: 'neighbour' }),
      relation(6, 'r', { extension: true }),
      relation(7, 'r', { schema: 'other', name: 'T7' }),
    ];
    const of = (declares: Parameters<typeof knownOf>[1]): readonly number[] =>
      tablesAtReach(
        { ...EMPTY_GRAPH, relations, references: [[1, 2, false]] },
        knownOf(() => undefined, declares),
        (name) => name === 'neighbour',
      ).map(({ id }) => id);
    expect(of({})).to.deep.equal([7, 1, 2, 3, 4]);
    expect(of({ mayLoseRows: ['neighbour'] })).to.deep.equal([5, 7, 1, 2, 3, 4]);
    expect(of({ touches: [] })).to.deep.equal([]);
    expect(of({ touches: ['PUBLIC.T3'], mayDrop: ['other.t7.column'] })).to.deep.equal([7, 3]);
    expect(of({ touches: ['t1'] })).to.deep.equal([1, 2]);
    expect(touched({ relations: tables }, 'CREATE TABLE t1 (a int)')).to.deep.equal([]);
  });

  it('takes a step that says nothing of what it touches for one that has not said it, in a file and in a revert', () => {
    const directives = parseDirectives('-- migrate-safe: may-lose-rows table=t1\n')._unsafeUnwrap().declares;
    expect(knownOf([], directives).isComplete).to.equal(false);
    expect(knownOf(() => undefined, revertDeclarations({ apply: () => undefined })).isComplete).to.equal(false);
    const said = revertDeclarations({ apply: () => undefined, declares: { touches: ['t1'] } });
    expect(knownOf(() => undefined, said)).to.deep.include({ isComplete: true, declared: ['t1'] });
  });

  it('has never less for more statements, and ends on any circle', () => {
    const id = fc.integer({ min: 1, max: 4 });
    const edge = fc.tuple(id, id);
    const graphs = fc.record({
      references: fc.array(fc.tuple(id, id, fc.boolean())),
      inherits: fc.array(edge),
      uses: fc.array(edge),
      calls: fc.array(fc.tuple(id, fc.constantFrom(10, 11))),
    });
    const statement = fc.constantFrom(
      'DELETE FROM t1',
      'UPDATE t2 SET a = 1',
      'TRUNCATE t3',
      'SELECT f()',
      'CREATE TABLE x (a int)',
    );
    fc.assert(
      fc.property(graphs, fc.array(statement, { minLength: 1 }), statement, (edges, few, more) => {
        const routines = [
          { id: 10, name: 'f', body: 'DELETE FROM t4; SELECT g()' },
          { id: 11, name: 'g', body: 'SELECT f()' },
        ];
        const graph = { relations: tables, routines, ...edges };
        const [less, whole] = [touched(graph, few.join(';')), touched(graph, [...few, more].join(';'))];
        expect(whole).to.include.members([...less]);
        for (const one of less) expect(whole).to.include(one);
      }),
    );
  });
});
