// The guard judges what was done against what was declared: it is about data, not about words.
import { expect } from 'chai';
import type { StepObservation } from '#src/core/ports/step-transaction.js';
import { describeFinding, judge, type OwnWork } from '#src/core/schema/guard.js';
import type { Declarations } from '#src/core/steps/migration-step.js';
import { observed } from '../support/step-observations.js';

const kinds = (what: Partial<StepObservation>, declares: Declarations = {}, own?: OwnWork): readonly string[] =>
  judge(observed(what), declares, own).map(({ kind }) => kind);
const rows = (
  table: string,
  count = 2,
): { readonly table: string; readonly rows: number; readonly keys: readonly string[] } => ({
  table,
  rows: count,
  keys: ['1', '2'],
});

const deleted = { deletedRows: [rows('Orders')] };
const dropped = { droppedTables: [rows('Orders')] };
const column = { droppedColumns: [{ ...rows('Orders'), column: 'Note' }] };
const nulled = { nulledValues: [{ ...rows('Orders'), column: 'Note' }] };
const broken = { brokenForeignKeys: [{ ...rows('Orders'), parent: 'Customers' }] };
const lost = (
  type: 'trigger' | 'view' | 'index' | 'check',
  name: string,
  table?: string,
): Partial<StepObservation> => ({
  lostObjects: [{ type, name, ...(table === undefined ? {} : { table }) }],
});

describe('judge', () => {
  it('finds nothing where nothing happened', () => {
    expect(judge(observed(), {})).to.deep.equal([]);
  });

  it('finds deleted rows unless their table may lose rows', () => {
    expect(kinds(deleted)).to.deep.equal(['rows-deleted']);
    expect(kinds(deleted, { mayLoseRows: ['ORDERS'] })).to.deep.equal([]);
    expect(
      kinds(deleted, { mayLoseRows: ['customers'], mayDrop: ['orders'], touches: ['orders'], mayNull: ['orders'] }),
    ).to.deep.equal(['rows-deleted']);
  });

  it('finds a dropped table unless it may be dropped', () => {
    expect(kinds(dropped)).to.deep.equal(['table-dropped']);
    expect(kinds(dropped, { mayDrop: ['orders'] })).to.deep.equal([]);
    expect(kinds(dropped, { mayLoseRows: ['orders'], mayDrop: ['orders.note'] })).to.deep.equal(['table-dropped']);
  });

  it('finds a dropped column unless it, or its whole table, may be dropped', () => {
    expect(kinds(column)).to.deep.equal(['column-dropped']);
    expect(kinds(column, { mayDrop: ['ORDERS.note'] })).to.deep.equal([]);
    expect(kinds(column, { mayDrop: ['orders'] })).to.deep.equal([]);
    expect(
      kinds(column, { mayDrop: ['note', 'orders.other', 'customers.note'], mayNull: ['orders.note'] }),
    ).to.deep.equal(['column-dropped']);
  });

  it('finds values that became NULL unless their column may', () => {
    expect(kinds(nulled)).to.deep.equal(['values-nulled']);
    expect(kinds(nulled, { mayNull: ['orders.NOTE'] })).to.deep.equal([]);
    expect(
      kinds(nulled, { mayNull: ['orders', 'note'], mayDrop: ['orders.note'], mayLoseRows: ['orders'] }),
    ).to.deep.equal(['values-nulled']);
  });

  it('finds broken foreign keys whatever is declared', () => {
    const all = ['orders', 'customers'];
    expect(kinds(broken, { touches: all, mayLoseRows: all, mayDrop: all, mayNull: all })).to.deep.equal([
      'foreign-key-broken',
    ]);
  });

  it('finds lost triggers, views, indexes and checks unless they are named', () => {
    for (const type of ['trigger', 'view', 'index'] as const) {
      expect(kinds(lost(type, 'Thing', 'orders'))).to.deep.equal(['object-lost']);
      expect(kinds(lost(type, 'Thing', 'orders'), { mayDrop: ['thing'] })).to.deep.equal([]);
      expect(kinds(lost(type, 'Thing', 'orders'), { mayDrop: ['orders'] })).to.deep.equal(['object-lost']);
    }
    expect(kinds(lost('check', 'positive', 'Orders'), { mayDrop: ['orders.POSITIVE'] })).to.deep.equal([]);
    expect(kinds(lost('check', 'amount > 0', 'Orders'), { mayDrop: ['orders.check'] })).to.deep.equal([]);
    expect(kinds(lost('check', 'positive', 'Orders'), { mayDrop: ['customers.check', 'orders.other'] })).to.deep.equal([
      'object-lost',
    ]);
  });

  it('finds nothing in an empty table, or in a column in which every value is NULL', () => {
    const empty = {
      deletedRows: [rows('t', 0)],
      droppedTables: [rows('t', 0)],
      droppedColumns: [{ ...rows('t', 0), column: 'c' }],
      nulledValues: [{ ...rows('t', 0), column: 'c' }],
      brokenForeignKeys: [{ ...rows('t', 0), parent: 'p' }],
    };
    expect(kinds(empty)).to.deep.equal([]);
  });

  it('tells the worst first', () => {
    expect(kinds({ ...lost('view', 'v'), ...broken, ...nulled, ...column, ...deleted, ...dropped })).to.deep.equal([
      'table-dropped',
      'rows-deleted',
      'column-dropped',
      'values-nulled',
      'foreign-key-broken',
      'object-lost',
    ]);
  });

  it('takes two names for one only where the database does: A to Z', () => {
    expect(kinds({ deletedRows: [rows('\u00c4')] }, { mayLoseRows: ['\u00e4'] })).to.deep.equal(['rows-deleted']);
    const own: OwnWork = { created: [{ type: 'table', name: '\u00c4' }], inserted: {} };
    expect(kinds({ droppedTables: [rows('\u00e4')] }, {}, own)).to.deep.equal(['table-dropped']);
    expect(kinds({ droppedTables: [rows('\u00c4')] }, {}, own)).to.deep.equal([]);
  });
});

describe('the own work of a revert', () => {
  const made = (
    type: 'table' | 'column' | 'index' | 'view' | 'trigger' | 'check',
    name: string,
    table?: string,
  ): OwnWork => ({
    created: [{ type, name, ...(table === undefined ? {} : { table }) }],
    inserted: {},
  });

  it('is a table that the apply created, with all that is in it', () => {
    const own = made('table', 'orders');
    expect(kinds({ ...dropped, ...deleted, ...column, ...nulled }, {}, own)).to.deep.equal([]);
    expect(kinds({ droppedTables: [rows('customers')] }, {}, own)).to.deep.equal(['table-dropped']);
  });

  it('is a column that the apply created, of that table only', () => {
    const own = made('column', 'note', 'orders');
    expect(kinds({ ...column, ...nulled }, {}, own)).to.deep.equal([]);
    expect(kinds({ droppedColumns: [{ ...rows('customers'), column: 'note' }] }, {}, own)).to.deep.equal([
      'column-dropped',
    ]);
    expect(kinds(dropped, {}, own)).to.deep.equal(['table-dropped']);
  });

  it('is as many rows as the apply inserted, and not one more', () => {
    const own: OwnWork = { created: [], inserted: { orders: 2 } };
    expect(kinds({ deletedRows: [rows('Orders', 2)] }, {}, own)).to.deep.equal([]);
    expect(kinds({ deletedRows: [rows('Orders', 3)] }, {}, own)).to.deep.equal(['rows-deleted']);
    expect(kinds({ deletedRows: [rows('customers', 1)] }, {}, own)).to.deep.equal(['rows-deleted']);
    expect(kinds(dropped, {}, own)).to.deep.equal(['table-dropped']);
  });

  it('is an index, view, trigger or check that the apply created, of the same type', () => {
    for (const type of ['trigger', 'view', 'index', 'check'] as const) {
      expect(kinds(lost(type, 'Thing', 'orders'), {}, made(type, 'thing', 'orders'))).to.deep.equal([]);
      expect(kinds(lost(type, 'Thing', 'orders'), {}, made(type, 'thing', 'customers'))).to.deep.equal(['object-lost']);
      expect(kinds(lost(type, 'Thing', 'orders'), {}, made('column', 'thing', 'orders'))).to.deep.equal([
        'object-lost',
      ]);
    }
  });

  it('is no broken foreign key', () => {
    expect(kinds(broken, {}, made('table', 'orders'))).to.deep.equal(['foreign-key-broken']);
  });
});

describe('describeFinding', () => {
  it('names table, count and sample keys', () => {
    const texts = judge(
      observed({
        ...lost('check', 'c1', 'orders'),
        ...broken,
        ...nulled,
        ...column,
        deletedRows: [rows('Orders', 3)],
        droppedTables: [{ ...rows('t', 1), keys: ['7'] }],
      }),
      {},
    ).map(describeFinding);
    expect(texts).to.deep.equal([
      'would drop table t with its 1 row, which the step does not declare (t 7)',
      'would lose 3 rows of Orders, which the step does not declare (Orders 1, 2 …)',
      'would drop column Orders.Note, which has a value in 2 rows, and the step does not declare it (Orders 1, 2)',
      'would set Orders.Note to NULL in 2 rows that had a value, which the step does not declare (Orders 1, 2)',
      'would leave 2 rows of Orders pointing at rows of Customers that are not there (Orders 1, 2)',
      'would lose check c1 of table orders, which the step does not name',
    ]);
  });
});
