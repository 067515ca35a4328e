import { createHash } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { describeChange, type SchemaChange } from '#src/core/schema/change.js';
import { diffSchemas } from '#src/core/schema/diff.js';
import { fingerprint } from '#src/core/schema/fingerprint.js';
import type {
  CheckSnapshot,
  ColumnSnapshot,
  ForeignKeySnapshot,
  IndexSnapshot,
  KeySnapshot,
  SchemaSnapshot,
  TableSnapshot,
} from '#src/core/schema/snapshot.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hash = (snapshot: SchemaSnapshot): string => fingerprint(snapshot, sha256);

// Few names and values, so that two arbitrary schemas share objects and differ in details.
const name = fc.constantFrom('a', 'A', 'b', 'c', 'Ä', 'ä');
const fold = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
const optionally = <T extends object>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | object> =>
  fc.oneof(fc.constant({}), arbitrary);
const named = optionally(fc.record({ name }));
const descending = fc.boolean();
const term = fc.record({ column: name, descending });
const key: fc.Arbitrary<KeySnapshot> = fc
  .tuple(
    named,
    fc.array(term, { minLength: 1, maxLength: 2 }),
    optionally(fc.record({ onConflict: fc.constantFrom('ignore', 'replace') })),
  )
  .map(([called, terms, conflict]) => ({ ...called, terms, ...conflict }));
const column: fc.Arbitrary<ColumnSnapshot> = fc
  .tuple(
    fc.record({
      name,
      type: fc.constantFrom('', 'TEXT', 'text', 'INTEGER'),
      notNull: fc.boolean(),
      primaryKey: fc.constant(0),
    }),
    optionally(fc.record({ default: fc.constantFrom('1', "'x'") })),
    optionally(fc.record({ collation: fc.constantFrom('NOCASE', 'nocase', 'RTRIM') })),
    optionally(
      fc.record({
        generated: fc.record({ storage: fc.constantFrom('virtual', 'stored'), expression: fc.constantFrom('a', 'b') }),
      }),
    ),
  )
  .map(([base, ...more]) => Object.assign({}, base, ...more));
const check: fc.Arbitrary<CheckSnapshot> = fc
  .tuple(named, fc.constantFrom('a > 0', 'b > 0'))
  .map(([called, expression]) => ({ ...called, expression, columns: [expression.slice(0, 1)] }));
const foreignKey: fc.Arbitrary<ForeignKeySnapshot> = fc.record({
  columns: fc.tuple(name),
  references: fc.record({ table: name, columns: fc.oneof(fc.constant([]), fc.tuple(name)) }),
  onDelete: fc.constantFrom('no-action', 'cascade'),
  onUpdate: fc.constantFrom('no-action', 'set-null'),
  deferrable: fc.constantFrom('not-deferrable', 'initially-deferred'),
});
const byName = { selector: (object: { readonly name: string }) => fold(object.name), maxLength: 3 };
const table: fc.Arbitrary<TableSnapshot> = fc
  .tuple(
    fc.record({
      name,
      kind: fc.constantFrom('table', 'shadow', 'virtual'),
      columns: fc.uniqueArray(column, byName),
      autoincrement: fc.boolean(),
      withoutRowid: fc.boolean(),
      strict: fc.boolean(),
      uniques: fc.array(key, { maxLength: 2 }),
      checks: fc.array(check, { maxLength: 3 }),
      foreignKeys: fc.array(foreignKey, { maxLength: 2 }),
    }),
    optionally(fc.record({ primaryKey: key })),
    optionally(
      fc.record({
        module: fc.record({ name: fc.constantFrom('fts5', 'FTS5', 'rtree'), args: fc.array(name, { maxLength: 2 }) }),
      }),
    ),
  )
  .map(([base, ...more]) => Object.assign({}, base, ...more));
const index: fc.Arbitrary<IndexSnapshot> = fc.record({
  name,
  table: name,
  unique: fc.boolean(),
  origin: fc.constant('created'),
  terms: fc.array(fc.oneof(term, fc.record({ expression: fc.constantFrom('lower(a)'), descending })), {
    minLength: 1,
    maxLength: 2,
  }),
});
const schema: fc.Arbitrary<SchemaSnapshot> = fc.record({
  identifiers: fc.constant('ascii-case-insensitive'),
  tables: fc.uniqueArray(table, byName),
  indexes: fc.uniqueArray(index, byName),
  views: fc.uniqueArray(fc.record({ name, sql: fc.constantFrom('x', 'y') }), byName),
  triggers: fc.uniqueArray(fc.record({ name, table: name, sql: fc.constantFrom('x', 'y') }), byName),
});
/** Two schemas that are often equal or nearly so: the second takes each part from the first or anew. */
const pair = fc
  .tuple(schema, schema, fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean(), fc.nat(3)))
  .map(([before, other, [tables, indexes, views, triggers, rotate]]): [SchemaSnapshot, SchemaSnapshot] => [
    before,
    {
      ...before,
      tables: (tables ? before : other).tables.map((one) => ({
        ...one,
        name: one.name.toUpperCase() === one.name ? one.name : one.name.replace('a', 'A'),
        checks: [...one.checks.slice(rotate), ...one.checks.slice(0, rotate)],
      })),
      indexes: (indexes ? before : other).indexes.toReversed(),
      views: (views ? before : other).views,
      triggers: (triggers ? before : other).triggers,
    },
  ]);

const EMPTY: SchemaSnapshot = {
  identifiers: 'ascii-case-insensitive',
  tables: [],
  indexes: [],
  views: [],
  triggers: [],
};
const ORDERS: TableSnapshot = {
  name: 'orders',
  kind: 'table',
  autoincrement: false,
  withoutRowid: false,
  strict: false,
  columns: [
    { name: 'id', type: 'INTEGER', notNull: false, primaryKey: 1 },
    { name: 'note', type: 'TEXT', notNull: false, primaryKey: 0 },
  ],
  primaryKey: { terms: [{ column: 'id', descending: false }] },
  uniques: [],
  checks: [],
  foreignKeys: [],
};
const withTable = (changes: Partial<TableSnapshot>): SchemaSnapshot => ({
  ...EMPTY,
  tables: [{ ...ORDERS, ...changes }],
});
const lines = (before: SchemaSnapshot, after: SchemaSnapshot): string[] =>
  diffSchemas(before, after).map(describeChange);

const MIRROR: Readonly<Record<string, string>> = {
  added: 'removed',
  removed: 'added',
  changed: 'changed',
  reordered: 'reordered',
};
const mirrored = (kind: SchemaChange['kind']): string => kind.replace(/[a-z]+$/, (verb) => MIRROR[verb] ?? verb);
/** What came or went, with its names, as if looked at from the other side. */
const comings = (changes: readonly SchemaChange[], from: 'this side' | 'the other side'): string[] =>
  changes
    .filter((change) => /-(?:added|removed)$/.test(change.kind))
    .map((change) => fold(describeChange(change)))
    .map((line) => (from === 'this side' ? line : line.replace(/[a-z]+$/, (verb) => MIRROR[verb] ?? verb)))
    .toSorted();

describe('diffSchemas', () => {
  it('finds nothing between a schema and itself, or a copy of it', () => {
    fc.assert(
      fc.property(schema, (one) => {
        expect(diffSchemas(one, one)).to.deep.equal([]);
        expect(diffSchemas(one, structuredClone(one))).to.deep.equal([]);
      }),
    );
  });

  it('finds nothing exactly where the fingerprints are equal', () => {
    let equal = 0;
    fc.assert(
      fc.property(pair, ([before, after]) => {
        if (hash(before) === hash(after)) equal += 1;
        expect(diffSchemas(before, after).length === 0).to.equal(hash(before) === hash(after));
      }),
      { numRuns: 1000 },
    );
    expect(equal).to.be.greaterThan(10);
  });

  it('finds added in one direction where it finds removed in the other', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        const [forth, back] = [diffSchemas(before, after), diffSchemas(after, before)];
        expect(back.map((change) => mirrored(change.kind)).toSorted()).to.deep.equal(
          forth.map((change) => change.kind).toSorted(),
        );
        expect(comings(back, 'the other side')).to.deep.equal(comings(forth, 'this side'));
      }),
      { numRuns: 500 },
    );
  });

  it('has one line for every change', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        for (const line of lines(before, after)) expect(line).to.match(/^[a-z][^\n]+$/);
      }),
    );
  });

  it('takes names that differ in ASCII case for the same, and others not', () => {
    expect(lines(withTable({ name: 'ORDERS' }), withTable({}))).to.deep.equal([]);
    expect(lines(withTable({ name: 'Ä' }), withTable({ name: 'ä' }))).to.deep.equal([
      'table Ä removed',
      'table ä added',
    ]);
  });

  it('takes names exactly where the dialect does', () => {
    const exact = (snapshot: SchemaSnapshot): SchemaSnapshot => ({ ...snapshot, identifiers: 'exact' });
    expect(lines(exact(withTable({ name: 'A' })), exact(withTable({ name: 'a' })))).to.deep.equal([
      'table A removed',
      'table a added',
    ]);
  });

  it('refuses to compare schemas of two dialects', () => {
    expect(() => diffSchemas(EMPTY, { ...EMPTY, identifiers: 'exact' })).to.throw(TypeError);
  });

  it('does not tell a shadow table from an ordinary one, because a connection without the module cannot', () => {
    expect(lines(withTable({ kind: 'shadow' }), withTable({}))).to.deep.equal([]);
    expect(hash(withTable({ kind: 'shadow' }))).to.equal(hash(withTable({})));
  });

  it('counts a check that is written twice', () => {
    const twice: CheckSnapshot = { expression: 'id > 0', columns: ['id'] };
    expect(lines(withTable({ checks: [twice, twice] }), withTable({ checks: [twice] }))).to.deep.equal([
      'check (id > 0) of orders removed',
    ]);
  });

  it('says what of a column changed, and the order of columns apart from it', () => {
    const [id, note] = ORDERS.columns;
    const after = withTable({
      columns: [
        { ...note, name: 'Note', type: 'text', notNull: true, primaryKey: 0, default: "'x'" },
        ...(id ? [id] : []),
      ],
    });
    expect(lines(withTable({}), after)).to.deep.equal([
      "column orders.Note changed: not-null no -> yes, default none -> 'x'",
      'columns of orders reordered: id, note -> note, id',
    ]);
  });

  it('describes every kind of change with its names', () => {
    const foreign: ForeignKeySnapshot = {
      columns: ['note'],
      references: { table: 'notes', columns: ['id'] },
      onDelete: 'cascade',
      onUpdate: 'no-action',
      deferrable: 'initially-deferred',
    };
    const idx: IndexSnapshot = {
      name: 'i',
      table: 'orders',
      unique: true,
      origin: 'created',
      terms: [{ expression: 'lower(note)', descending: true }],
    };
    const before: SchemaSnapshot = {
      ...withTable({}),
      indexes: [idx],
      views: [{ name: 'v', sql: 'x' }],
      triggers: [{ name: 't', table: 'orders', sql: 'x' }],
    };
    const [id] = ORDERS.columns;
    const after: SchemaSnapshot = {
      ...withTable({
        columns: [...(id ? [id] : []), { name: 'extra', type: '', notNull: false, primaryKey: 0 }],
        primaryKey: {
          name: 'pk',
          terms: [{ column: 'extra', descending: true, collation: 'NOCASE' }],
          onConflict: 'replace',
        },
        strict: true,
        uniques: [{ terms: [{ column: 'extra', descending: false }] }],
        checks: [{ name: 'positive', expression: 'id > 0', columns: ['id'] }],
        foreignKeys: [foreign],
      }),
      indexes: [{ ...idx, where: 'id > 1' }],
      views: [{ name: 'v', sql: 'y' }],
      triggers: [{ name: 't', table: 'orders', sql: 'y' }],
    };
    expect(lines(before, after)).to.deep.equal([
      'table orders changed: strict off -> on',
      'column orders.note removed',
      'column orders.extra added',
      'primary key of orders changed: (id) -> pk (extra collate NOCASE desc) on conflict replace',
      'unique constraint (extra) of orders added',
      'check positive (id > 0) of orders added',
      'foreign key (note) -> notes (id) on delete cascade initially-deferred of orders added',
      'index i changed: orders ((lower(note)) desc) unique -> orders ((lower(note)) desc) unique where id > 1',
      'view v changed',
      'trigger t on orders changed',
    ]);
    expect(lines(EMPTY, before)).to.deep.equal([
      'table orders added',
      'index i on orders ((lower(note)) desc) unique added',
      'view v added',
      'trigger t on orders added',
    ]);
  });
});

describe('fingerprint', () => {
  it('does not depend on the order in which objects were read', () => {
    fc.assert(
      fc.property(schema, (one) => {
        const turned = {
          ...one,
          tables: one.tables.toReversed(),
          indexes: one.indexes.toReversed(),
          triggers: one.triggers.toReversed(),
        };
        expect(hash(turned)).to.equal(hash(one));
      }),
    );
  });

  it('stays what it is in the first release', () => {
    // Journals hold fingerprints: once there is a release, this value may only change together with a new name for the algorithm.
    expect(hash(withTable({ checks: [{ expression: 'id > 0', columns: ['id'] }] }))).to.equal(
      '62371370517fc0f6e8c336a6d4c342d3429344e3daff257c925fdea3643e86de',
    );
  });
});
