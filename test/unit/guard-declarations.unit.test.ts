// The lines that a refusal prints are the lines that allow the step, whatever its tables are called.
import { expect } from 'chai';
import fc from 'fast-check';
import type { LostObject, StepObservation } from '#src/core/ports/step-transaction.js';
import { declarationsFor, judge } from '#src/core/schema/guard.js';
import type { Declarations, StepLanguage } from '#src/core/steps/migration-step.js';
import { parseDirectives } from '#src/steps/sql-directives.js';
import { observed } from '../support/step-observations.js';

const HOSTILE = [
  'order"s',
  "it's",
  'two words',
  ' lead',
  'trail ',
  'a.b',
  'tab\there',
  'new\nline',
  'car\rriage',
  'back\\slash',
  'end\\',
  'a,b',
  'a=b',
  '',
  '--',
  '-- migrate-safe:down',
  '\u2028',
  '\u2029',
  '\u0085',
  '\u00a0',
  '\ufeff',
  'Ünï',
  '表',
  '😀',
  '\ud800',
  '\u0000',
  '\u0007',
  '$1',
  '`x`',
  '${x}',
  '*/',
  'table=x',
  'select',
];
const name = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.constantFrom('orders', 'Orders', 'customers'),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom('"', "'", '\\', ' ', '\n', '\r', '.', ',', '=', 'n', 'u', '0', 'é', '\u2028'),
    maxLength: 6,
  }),
);
const found = fc.record({ table: name, rows: fc.integer({ min: 1, max: 3 }), keys: fc.constant([]) });
const ofColumn = fc.tuple(found, name).map(([finding, column]) => ({ ...finding, column }));
const lostObject: fc.Arbitrary<LostObject> = fc.oneof(
  fc
    .tuple(fc.constantFrom('trigger', 'view', 'index'), name)
    .map(([type, thing]): LostObject => ({ type, name: thing })),
  fc.tuple(name, name).map(([thing, table]): LostObject => ({ type: 'check', name: thing, table })),
);
const some = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { maxLength: 2 });
const observation: fc.Arbitrary<StepObservation> = fc
  .record({
    deletedRows: some(found),
    droppedTables: some(found),
    droppedColumns: some(ofColumn),
    nulledValues: some(ofColumn),
    brokenForeignKeys: some(found.map((finding) => ({ ...finding, parent: 'p' }))),
    lostObjects: some(lostObject),
  })
  .map(observed);

const left = (seen: StepObservation, declares: Declarations): readonly string[] =>
  judge(seen, declares)
    .map(({ kind }) => kind)
    .filter((kind) => kind !== 'foreign-key-broken');

/** What a person gets who pastes the printed member into a step. */
function pasted(lines: readonly string[]): Declarations {
  // oxlint-disable-next-line typescript/no-implied-eval -- the text is to be code
  const step = new Function(`return { ${lines.join('\n')} };`)() as { readonly declares?: Declarations };
  return step.declares ?? {};
}

describe('declarationsFor', () => {
  it('prints one line per thing for SQL, and one member for code', () => {
    const seen = observed({
      deletedRows: [
        { table: 'orders', rows: 1, keys: [] },
        { table: 'two words', rows: 1, keys: [] },
      ],
      droppedColumns: [{ table: 'customers', column: 'old', rows: 1, keys: [] }],
      nulledValues: [{ table: 'orders', column: 'note', rows: 1, keys: [] }],
      lostObjects: [
        { type: 'check', name: 'positive', table: 'orders' },
        { type: 'index', name: 'by_name', table: 'orders' },
      ],
    });
    const findings = judge(seen, {});
    expect(declarationsFor(findings, 'sql')).to.deep.equal([
      '-- migrate-safe: may-lose-rows table=orders',
      '-- migrate-safe: may-lose-rows table="two words"',
      '-- migrate-safe: may-drop column=customers.old',
      '-- migrate-safe: may-null column=orders.note',
      '-- migrate-safe: may-drop check=orders.positive',
      '-- migrate-safe: may-drop index=by_name',
    ]);
    expect(declarationsFor(findings, 'code')).to.deep.equal([
      "declares: { mayLoseRows: ['orders', 'two words'], mayDrop: ['customers.old', 'orders.positive', 'by_name'], mayNull: ['orders.note'] },",
    ]);
  });

  it('prints a declares that can take the place of the one there is, in the form of the module', () => {
    const seen = observed({ deletedRows: [{ table: 'orders', rows: 1, keys: [] }] });
    const lines = (language: StepLanguage, already: Declarations): readonly string[] =>
      declarationsFor(judge(seen, already), language, already);
    const already: Declarations = { mayDrop: ['customers.old'], mayLoseRows: ['items'], touches: [] };
    const whole = "{ mayLoseRows: ['items', 'orders'], mayDrop: ['customers.old'] }";
    expect(lines('code', already)).to.deep.equal([`declares: ${whole},`]);
    expect(lines('cjs-exports', already)).to.deep.equal([`exports.declares = ${whole};`]);
    expect(lines('esm-exports', already)).to.deep.equal([`export const declares = ${whole};`]);
    expect(lines('sql', already)).to.deep.equal(['-- migrate-safe: may-lose-rows table=orders']);
    expect(lines('code', { mayLoseRows: ['orders'] })).to.deep.equal([]);
  });

  it('prints nothing for what no line allows', () => {
    const findings = judge(observed({ brokenForeignKeys: [{ table: 't', parent: 'p', rows: 1, keys: [] }] }), {});
    expect(declarationsFor(findings, 'sql')).to.deep.equal([]);
    expect(declarationsFor(findings, 'code')).to.deep.equal([]);
  });

  it('lets a foreign key do its own work where that would have kept it whole', () => {
    const broken = { kind: 'foreign-key-broken', table: 'items', parent: 'orders', rows: 1, keys: [] } as const;
    const cascade = { ...broken, onDelete: 'cascade', columns: ['order_id'] } as const;
    expect(declarationsFor([cascade], 'sql')).to.include.members([
      '-- migrate-safe: foreign-keys on',
      '-- migrate-safe: may-lose-rows table=items',
    ]);
    expect(declarationsFor([cascade], 'code')).to.deep.equal([
      "declares: { mayLoseRows: ['items'] },",
      "foreignKeys: 'on',",
    ]);
    const nulling = declarationsFor([{ ...broken, onDelete: 'set-null', columns: ['order_id'] }], 'sql');
    expect(parseDirectives(nulling.join('\n'))._unsafeUnwrap()).to.deep.include({
      foreignKeys: 'on',
      declares: { mayLoseRows: [], mayDrop: [], mayNull: ['items.order_id'] },
    });
  });

  it('prints the same thing once', () => {
    const twice = observed({
      deletedRows: [
        { table: 't', rows: 1, keys: [] },
        { table: 't', rows: 2, keys: [] },
      ],
    });
    expect(declarationsFor(judge(twice, {}), 'sql')).to.have.length(1);
  });

  it('prints directives that allow the step when they are read from its file, whatever the names are', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const lines = declarationsFor(judge(seen, {}), 'sql');
        for (const line of lines) expect(line).not.to.match(/[\n\r]/);
        const { declares } = parseDirectives(`${lines.join('\n')}\n`)._unsafeUnwrap();
        expect(left(seen, declares)).to.deep.equal([]);
      }),
      { numRuns: 250 },
    );
  });

  it('prints a member that allows the step when it is pasted into its code, whatever the names are', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        expect(left(seen, pasted(declarationsFor(judge(seen, {}), 'code')))).to.deep.equal([]);
      }),
      { numRuns: 150 },
    );
  });

  it('prints for each hostile name a line that is read back as that name', () => {
    for (const table of HOSTILE) {
      const lines = declarationsFor([{ kind: 'rows-deleted', table, rows: 1, keys: [] }], 'sql');
      expect(
        parseDirectives(lines.join('\n'))._unsafeUnwrap().declares.mayLoseRows,
        JSON.stringify(table),
      ).to.deep.equal([table]);
    }
  });
});
