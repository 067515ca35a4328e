// The comparison of declarations with a schema, by properties: what fits has no finding, one change has the one that it deserves.
import { expect } from 'chai';
import fc from 'fast-check';
import { defineTable } from 'migrate-safe/dao';
import * as z from 'zod';
import {
  compareContract,
  type ContractRules,
  type DeclaredColumn,
  type DeclaredTable,
} from '#src/core/schema/contract.js';
import { describeContractFinding, newFindings, type ContractFinding } from '#src/core/schema/contract-finding.js';
import { readContract } from '#src/core/schema/read-contract.js';
import type { ColumnSnapshot, SchemaSnapshot, TableSnapshot } from '#src/core/schema/snapshot.js';

/** Types are named by the kind that they hold. */
const RULES: ContractRules = {
  namesOf: ({ name, schema = 'main' }) => [schema === 'main' ? name : `${schema}.${name}`],
  holds: ({ kind }, { type }) => kind === type,
  fills: ({ default: given, generated }) => given !== undefined || generated !== undefined,
  neverNull: ({ notNull, primaryKey }) => notNull || primaryKey > 0,
};

const KINDS = ['text', 'integer', 'instant'] as const;
const column: fc.Arbitrary<Omit<DeclaredColumn, 'name'>> = fc.record({
  kind: fc.constantFrom(...KINDS),
  nullable: fc.boolean(),
  scale: fc.constant(0),
  written: fc.constantFrom('by-program', 'may-be-left-out', 'by-database'),
});
const declared: fc.Arbitrary<DeclaredTable> = fc
  .tuple(fc.array(column, { minLength: 1, maxLength: 5 }), fc.constantFrom('reads', 'writes'), fc.boolean())
  .map(([columns, access, named]) => ({
    name: 't',
    ...(named ? { dao: 'TDao' } : {}),
    columns: [
      { name: 'id', kind: 'integer', nullable: false, scale: 0, written: 'by-program' },
      ...columns.map((one, at) => ({ ...one, name: `c${at}` })),
    ],
    primaryKey: ['id'],
    access,
  }));

/** The table that a declaration asks for, and no more. */
const liveColumn = ({ name, kind, nullable, written }: DeclaredColumn): ColumnSnapshot => ({
  name,
  type: kind,
  notNull: !nullable,
  primaryKey: name === 'id' ? 1 : 0,
  ...(written === 'may-be-left-out' ? { default: '1' } : {}),
  ...(written === 'by-database' ? { generated: { storage: 'stored', expression: '1' } as const } : {}),
});
const liveTable = ({ columns }: DeclaredTable): TableSnapshot => ({
  name: 't',
  kind: 'table',
  columns: columns.map(liveColumn),
  primaryKey: { terms: [{ column: 'id', descending: false }] },
  autoincrement: false,
  withoutRowid: false,
  strict: false,
  uniques: [],
  checks: [],
  foreignKeys: [],
});
const schemaOf = (...tables: readonly TableSnapshot[]): SchemaSnapshot => ({
  identifiers: 'ascii-case-insensitive',
  tables,
  indexes: [],
  views: [],
  triggers: [],
});
const findings = (table: DeclaredTable, live: TableSnapshot, more: Partial<SchemaSnapshot> = {}) =>
  compareContract({ tables: [table] }, { ...schemaOf(live), ...more }, RULES).findings;
const problems = (...args: Parameters<typeof findings>): readonly string[] =>
  findings(...args).map((one) => ('column' in one ? `${one.problem} ${one.column}` : one.problem));

/** The same table with one column, not the key, changed. */
const withChange = (
  table: DeclaredTable,
  at: number,
  change: (column: ColumnSnapshot) => ColumnSnapshot | undefined,
): { readonly live: TableSnapshot; readonly column: DeclaredColumn } => {
  const live = liveTable(table);
  const index = 1 + (at % (table.columns.length - 1));
  const columns = live.columns.flatMap((one, place) => (place === index ? (change(one) ?? []) : one));
  return { live: { ...live, columns }, column: table.columns[index] as DeclaredColumn };
};
const place = fc.nat({ max: 20 });

describe('a declared table and a schema', () => {
  it('fit where the schema is what the declaration asks for, whatever else is there', () => {
    fc.assert(
      fc.property(declared, fc.boolean(), (table, upper) => {
        const live = liveTable(table);
        const spare: ColumnSnapshot = { name: 'spare', type: 'x', notNull: false, primaryKey: 0 };
        const filled: ColumnSnapshot = { ...spare, name: 'filled', notNull: true, default: '0' };
        const more = { ...live, name: upper ? 'T' : 't', columns: [spare, ...live.columns, filled] };
        expect(findings(table, more)).to.deep.equal([]);
      }),
    );
  });

  it('do not where a column is missing', () => {
    fc.assert(
      fc.property(declared, place, (table, at) => {
        const { live, column: gone } = withChange(table, at, () => undefined);
        expect(problems(table, live)).to.deep.equal([`missing-column ${gone.name}`]);
      }),
    );
  });

  it('do not where a column is of another type', () => {
    fc.assert(
      fc.property(declared, place, (table, at) => {
        const { live, column: other } = withChange(table, at, (one) => ({ ...one, type: 'other' }));
        expect(problems(table, live)).to.deep.equal([`wrong-type ${other.name}`]);
      }),
    );
  });

  it('do not where NULL may come that nobody expects, or may not come that somebody writes', () => {
    fc.assert(
      fc.property(declared, place, (table, at) => {
        const { live, column: turned } = withChange(table, at, (one) => ({ ...one, notNull: !one.notNull }));
        const isComputed = turned.written === 'by-database';
        const expected = turned.nullable
          ? table.access === 'writes' && turned.written === 'by-program'
            ? [`not-null ${turned.name}`]
            : []
          : isComputed
            ? []
            : [`may-be-null ${turned.name}`];
        expect(problems(table, live)).to.deep.equal(expected);
      }),
    );
  });

  it('do not where the database no longer fills in what is left to it', () => {
    fc.assert(
      fc.property(declared, place, (table, at) => {
        const { live, column: left } = withChange(table, at, ({ name, type, notNull, primaryKey }) => ({
          name,
          type,
          notNull,
          primaryKey,
        }));
        const expected =
          left.written === 'by-database'
            ? [`not-computed ${left.name}`]
            : left.written === 'may-be-left-out' && !left.nullable && table.access === 'writes'
              ? [`no-default ${left.name}`]
              : [];
        expect(problems(table, live)).to.deep.equal(expected);
      }),
    );
  });

  it('do not where inserts cannot give a column that has to have a value, unless nobody inserts', () => {
    fc.assert(
      fc.property(declared, (table) => {
        const live = liveTable(table);
        const asked: ColumnSnapshot = { name: 'asked', type: 'x', notNull: true, primaryKey: 0 };
        const expected = table.access === 'writes' ? ['never-written asked'] : [];
        expect(problems(table, { ...live, columns: [...live.columns, asked] })).to.deep.equal(expected);
      }),
    );
  });

  it('do not where nothing keeps the key unique: a primary key, a constraint or an index of all rows does', () => {
    const table: DeclaredTable = {
      name: 't',
      columns: [],
      primaryKey: ['a', 'b'],
      access: 'writes',
    };
    const { primaryKey: _, ...live } = liveTable(table);
    const terms = (...names: readonly string[]) => names.map((name) => ({ column: name, descending: false }));
    const index = { name: 'i', table: 't', unique: true, origin: 'created', terms: terms('b', 'a') } as const;
    expect(problems(table, live)).to.deep.equal(['key-not-unique']);
    expect(problems(table, { ...live, primaryKey: { terms: terms('a', 'c') } })).to.deep.equal(['key-not-unique']);
    expect(problems(table, { ...live, primaryKey: { terms: terms('a') } })).to.deep.equal([]);
    expect(problems(table, { ...live, uniques: [{ terms: terms('b', 'a') }] })).to.deep.equal([]);
    expect(problems(table, live, { indexes: [index] })).to.deep.equal([]);
    expect(problems(table, live, { indexes: [{ ...index, where: 'a > 1' }] })).to.deep.equal(['key-not-unique']);
    expect(problems(table, live, { indexes: [{ ...index, table: 'u' }] })).to.deep.equal(['key-not-unique']);
    expect(
      problems(table, live, { indexes: [{ ...index, terms: [{ expression: 'lower(a)', descending: false }] }] }),
    ).to.deep.equal(['key-not-unique']);
  });

  it('do not where there is no such table, and a view is left to the database', () => {
    const table: DeclaredTable = {
      name: 'a"b',
      schema: 's',
      columns: [{ name: 'c"d', kind: 'text', nullable: true, scale: 0, written: 'by-program' }],
      primaryKey: ['c"d'],
      access: 'writes',
    };
    const schema = { ...schemaOf(), views: [{ name: 'a"b', sql: '' }] };
    expect(compareContract({ tables: [table] }, schema, RULES).findings).to.deep.equal([
      { problem: 'missing-table', table: 's.a"b' },
    ]);
    const found = compareContract({ tables: [table] }, { ...schema, views: [{ name: 's.a"b', sql: '' }] }, RULES);
    expect(found.findings).to.deep.equal([]);
    expect(found.probes.map(({ sql }) => sql)).to.deep.equal(['SELECT t."c""d" FROM "s"."a""b" AS t']);
  });
});

const finding: fc.Arbitrary<ContractFinding> = fc.oneof(
  fc.record({ problem: fc.constant('missing-table' as const), table: fc.constantFrom('a', 'b') }),
  fc.record({
    problem: fc.constantFrom('missing-column' as const, 'may-be-null' as const),
    table: fc.constantFrom('a', 'b'),
    column: fc.constantFrom('x', 'y'),
  }),
  fc.record({ problem: fc.constant('query' as const), query: fc.constantFrom('a', 'b'), reason: fc.string() }),
);
const all = fc.array(finding, { maxLength: 6 });

describe('what a step spoils', () => {
  it('is nothing where nothing changed, everything where all was well, and never what was spoilt already', () => {
    fc.assert(
      fc.property(all, all, (before, after) => {
        expect(newFindings(after, after)).to.deep.equal([]);
        expect(newFindings([], after)).to.deep.equal(after);
        const added = newFindings(before, after);
        for (const one of added) {
          expect(after).to.include(one);
          expect(before).to.not.deep.include(one);
        }
      }),
    );
  });

  it('is not a column of a table that was not there, but a table that was', () => {
    const missing = { problem: 'missing-table', table: 'a' } as const;
    const without = { problem: 'missing-column', table: 'a', column: 'x' } as const;
    expect(newFindings([missing], [without])).to.deep.equal([]);
    expect(newFindings([without], [missing])).to.deep.equal([missing]);
    expect(newFindings([without], [{ ...without, problem: 'may-be-null' }])).to.deep.equal([]);
    expect(newFindings([without], [{ ...without, column: 'y' }])).to.have.length(1);
  });
});

describe('the words for a finding', () => {
  it('name the DAO, or the table where no DAO is known, and the column', () => {
    const at = { table: 'requests', column: 'model' } as const;
    const said = (one: ContractFinding): string => describeContractFinding(one);
    expect(said({ problem: 'missing-column', ...at, dao: 'RequestsDao' })).to.equal(
      'RequestsDao uses column requests.model, which is not there',
    );
    expect(said({ problem: 'missing-column', ...at })).to.equal(
      'what works on requests uses column requests.model, which is not there',
    );
    expect(said({ problem: 'wrong-type', ...at, dao: 'D', declared: 'instant', type: '' })).to.equal(
      'D keeps points in time in requests.model, which is of type (none)',
    );
    expect(said({ problem: 'missing-table', table: 'requests' })).to.equal('there is no table requests');
    expect(said({ problem: 'query', query: 'a "b"', reason: 'no' })).to.equal(
      'query "a \\"b\\"" cannot be prepared: no',
    );
  });
});

describe('a declared table', () => {
  it('keeps in a version, a timestamp and a mark of removal what the DAO puts there', () => {
    const shape = {
      id: z.int(),
      text: z.string(),
      at: z.date(),
      maybe: z.date().nullable(),
      count: z.int().nullable(),
    };
    const declare = (options: object) => () => defineTable('t', shape, { primaryKey: 'id', ...options });
    expect(declare({ version: 'text' })).to.throw(TypeError, 't: version is z.int(), which column text is not');
    expect(declare({ version: 'count' })).to.throw(TypeError, 'count');
    expect(declare({ timestamps: { createdAt: 'id' } })).to.throw(TypeError, 'createdAt is z.date()');
    expect(declare({ timestamps: { updatedAt: 'maybe' } })).to.throw(TypeError, 'updatedAt');
    expect(declare({ softDelete: 'at' })).to.throw(TypeError, 'softDelete is z.date().nullable()');
    expect(declare({ version: 'id', timestamps: { createdAt: 'at' }, softDelete: 'maybe' })).to.not.throw();
  });
});

describe('the contract of a program', () => {
  const table = {
    name: 't',
    columns: [{ name: 'id', kind: 'integer', nullable: false, scale: 0 }],
    primaryKey: ['id'],
    options: { primaryKey: 'id', defaults: ['id'] },
  } as const;
  class ReadDao {
    static readonly table = table;
    readonly table = table;
  }
  class WriteDao extends ReadDao {
    insert(): void {}
  }

  it('is read from tables, DAOs, their classes and queries', () => {
    const of = (member: unknown) => readContract([member], 'refuse')._unsafeUnwrap().tables[0];
    expect(of(table)).to.deep.include({ name: 't', access: 'writes' });
    expect(of(table)).to.not.have.property('dao');
    expect(of(table)?.columns[0]?.written).to.equal('may-be-left-out');
    for (const member of [WriteDao, new WriteDao()])
      expect(of(member)).to.deep.include({ dao: 'WriteDao', access: 'writes' });
    for (const member of [ReadDao, new ReadDao()])
      expect(of(member)).to.deep.include({ dao: 'ReadDao', access: 'reads' });
    const { queries } = readContract([{ query: 'q', sampled: () => 1 }], 'refuse')._unsafeUnwrap();
    expect(queries.map(({ name }) => name)).to.deep.equal(['q']);
  });

  it('has a table once, by the DAO that writes it', () => {
    for (const members of [
      [table, WriteDao, ReadDao],
      [ReadDao, WriteDao, table],
    ])
      expect(
        readContract(members, 'refuse')
          ._unsafeUnwrap()
          .tables.map(({ dao, access }) => [dao, access]),
      ).to.deep.equal([['WriteDao', 'writes']]);
  });

  it('takes a table for one that is only read where its only DAO reads', () => {
    const [only] = readContract([table, ReadDao], 'refuse')._unsafeUnwrap().tables;
    expect(only).to.deep.include({ dao: 'ReadDao', access: 'reads' });
  });

  it('has nothing else in it: a list says which member that is, a module may export what it likes', () => {
    for (const stranger of [undefined, null, 1, 'table', {}, { table: {} }, () => 1, [table]]) {
      expect(readContract([table, stranger], 'refuse')._unsafeUnwrapErr()).to.match(/^member 2 is neither/);
      expect(readContract([stranger, table], 'pass-over')._unsafeUnwrap().tables).to.have.length(1);
    }
  });
});
