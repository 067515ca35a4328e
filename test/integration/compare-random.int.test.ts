// Random tables under random edits: the comparison finds what a naive one over full dumps finds.
import { expect } from 'chai';
import fc from 'fast-check';
import type { Session } from '#src/core/ports/session.js';
import { compareTable } from '#src/dao/dialects/sqlite/compare/compare-table.js';
import { readShape, type TableShape } from '#src/dao/dialects/sqlite/compare/shape.js';
import { DRIVERS, execute, value, withVersions } from '../support/compare-sessions.js';
import { truth } from '../support/compare-truth.js';

const LITERALS = [
  'NULL',
  '0',
  '1',
  '-1',
  '9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '0.1 + 0.2',
  '0.3',
  '1.0',
  '-0.0',
  '0.0',
  '9e999',
  '-9e999',
  '1e300',
  `''`,
  `'1'`,
  `'a'`,
  `'A'`,
  `'a '`,
  `'é'`,
  `CAST(x'610062' AS TEXT)`,
  `CAST(x'61ff' AS TEXT)`,
  `CAST(x'61fe' AS TEXT)`,
  `x''`,
  `x'61'`,
  `x'00ff'`,
  `'it''s, "n"|;'`,
  'zeroblob(70000)',
  `printf('%.*c', 9000, 'w')`,
] as const;

/** Every table has `n`, by which edits pick rows, and up to four columns of its own. */
const KINDS = {
  alias: { key: 'id INTEGER PRIMARY KEY', values: 'i * 3 - 50', keys: '' },
  rowid: { key: 'id', values: 'i', keys: '' },
  text: { key: 'id TEXT COLLATE NOCASE PRIMARY KEY', values: `'k' || i`, keys: '' },
  descending: { key: 'id INT', values: 'i', keys: ', PRIMARY KEY (id DESC)' },
  mixed: { key: 'id TEXT', values: `'k' || (i % 7)`, keys: ', PRIMARY KEY (id DESC, n)' },
  without: { key: 'id TEXT NOT NULL COLLATE NOCASE', values: `'K' || (i % 5)`, keys: ', PRIMARY KEY (id, n)' },
  untyped: {
    key: 'id',
    values: `CASE i % 4 WHEN 0 THEN i WHEN 1 THEN i + 0.5 WHEN 2 THEN 'x' || i ELSE CAST('b' || i AS BLOB) END`,
    keys: ', PRIMARY KEY (id)',
  },
} as const;
type Kind = keyof typeof KINDS;

const NAMES = ['plain', 'with "quote"', 'Été', 'rowid'] as const;
const TYPES = ['', 'TEXT', 'TEXT COLLATE NOCASE', 'INTEGER', 'REAL', 'BLOB'] as const;

interface Plan {
  readonly kind: Kind;
  readonly types: readonly string[];
  readonly rows: number;
  readonly step: number;
  readonly edits: readonly Edit[];
}

interface Edit {
  readonly what:
    | 'insert'
    | 'update'
    | 'key'
    | 'delete'
    | 'null'
    | 'add'
    | 'rename'
    | 'drop'
    | 'rename-table'
    | 'rebuild'
    | 'reverse';
  readonly column: number;
  readonly literal: string;
  readonly modulus: number;
  readonly rest: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  what: fc.constantFrom(
    ...([
      'insert',
      'update',
      'key',
      'delete',
      'null',
      'add',
      'rename',
      'drop',
      'rename-table',
      'rebuild',
      'reverse',
    ] as const),
  ),
  column: fc.nat(3),
  literal: fc.constantFrom(...LITERALS),
  modulus: fc.constantFrom(1, 2, 7, 50, 300),
  rest: fc.nat(299),
});

const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom(...(['alias', 'rowid', 'text', 'descending', 'mixed', 'without', 'untyped'] as const)),
  types: fc.array(fc.constantFrom(...TYPES), { maxLength: 4 }),
  rows: fc.oneof(fc.nat(20), fc.nat(1500)),
  step: fc.integer({ min: 1, max: LITERALS.length }),
  edits: fc.array(edit, { maxLength: 6 }),
});

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function startOf({ kind, types, rows, step }: Plan): string[] {
  const { key, values, keys } = KINDS[kind];
  const columns = types.map((type, i) => `, ${quoted(NAMES[i] ?? '')} ${type}`).join('');
  const tail = kind === 'without' ? ' WITHOUT ROWID' : '';
  // Wide literals stay rare, else every random table is megabytes.
  const pick = (i: number): string =>
    `, CASE WHEN i % 97 = ${i} THEN ${LITERALS[(i * 5 + step) % LITERALS.length] ?? ''} WHEN i % 3 = 0 THEN i * ${step} ` +
    `WHEN i % 3 = 1 THEN i / 7.0 ELSE 'text ' || i END`;
  return [
    `CREATE TABLE t (${key}, n${columns}${keys})${tail}`,
    `WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ${rows}) ` +
      `INSERT INTO t SELECT ${values}, i${types.map((_, i) => pick(i)).join('')} FROM s WHERE ${rows} > 0`,
  ];
}

/** Makes one edit; true if it made the table anew. */
async function apply(session: Session, shape: TableShape, made: Edit, index: number, kind: Kind): Promise<boolean> {
  const table = quoted(shape.name);
  const own = shape.columns.filter((name) => name !== 'id' && name !== 'n');
  const picked = own[made.column % Math.max(1, own.length)];
  const target = picked === undefined ? undefined : quoted(picked);
  const where = `WHERE n % ${made.modulus} = ${made.rest % made.modulus}`;
  const run = (sql: string): Promise<void> => execute(session, [sql]);
  switch (made.what) {
    case 'insert':
      await run(
        `INSERT OR IGNORE INTO ${table} (id, n) SELECT ${kind === 'alias' ? 'NULL' : `'new' || n`}, n + 5000 FROM ${table} ${where}`,
      );
      return false;
    case 'key':
      await run(
        `UPDATE OR IGNORE ${table} SET id = ${kind === 'alias' ? 'id + 1' : made.column === 0 ? made.literal : 'upper(id)'} ${where}`,
      );
      return false;
    case 'delete':
      await run(`DELETE FROM ${table} ${where}`);
      return false;
    case 'add':
      await run(`ALTER TABLE ${table} ADD COLUMN added${index} DEFAULT 7`);
      return false;
    case 'rename-table':
      await run(`ALTER TABLE ${table} RENAME TO renamed${index}`);
      return false;
    case 'update':
    case 'null':
      if (target !== undefined)
        await run(`UPDATE ${table} SET ${target} = ${made.what === 'null' ? 'NULL' : made.literal} ${where}`);
      return false;
    case 'rename':
      if (target !== undefined) await run(`ALTER TABLE ${table} RENAME COLUMN ${target} TO other${index}`);
      return false;
    case 'drop':
      if (target !== undefined) await run(`ALTER TABLE ${table} DROP COLUMN ${target}`);
      return false;
    case 'rebuild':
    case 'reverse': {
      const { key, keys } = KINDS[kind];
      const names = ['id', 'n', ...own].map(quoted).join(', ');
      await execute(session, [
        `CREATE TABLE fresh (${[key, 'n', ...own.map(quoted)].join(', ')}${keys})${kind === 'without' ? ' WITHOUT ROWID' : ''}`,
        `INSERT INTO fresh (${names}) SELECT ${names} FROM ${table} ORDER BY n${made.what === 'reverse' ? ' DESC' : ''}`,
        `DROP TABLE ${table}`,
        `ALTER TABLE fresh RENAME TO ${table}`,
      ]);
      return true;
    }
    default:
      throw new Error('unknown edit');
  }
}

async function onlyTable(session: Session): Promise<TableShape> {
  const found = await value(session.all<{ name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table'`));
  const shape = await value(readShape(session, found[0]?.name ?? ''));
  if (shape === undefined) throw new Error('no table');
  return shape;
}

/** The identity that the rules give, found without the code that is tested. */
async function expectedIdentity(
  session: Session,
  other: Session,
  kind: Kind,
  rebuilt: boolean,
  now: string,
): Promise<'rowid' | 'primary-key' | 'multiset'> {
  if (kind === 'without') return 'primary-key';
  if (kind === 'alias' || !rebuilt) return 'rowid';
  if (kind === 'rowid') return 'multiset';
  const where = kind === 'mixed' ? 'id IS NULL OR n IS NULL' : 'id IS NULL';
  const nulls = [
    ...(await value(session.all(`SELECT 1 FROM t WHERE ${where}`))),
    ...(await value(other.all(`SELECT 1 FROM ${quoted(now)} WHERE ${where}`))),
  ];
  return nulls.length === 0 ? 'primary-key' : 'multiset';
}

for (const driver of DRIVERS) {
  describe(`a random table under random edits, compared through ${driver}`, () => {
    it('shows the same counts, nulled columns and identity as full dumps do', async () => {
      await fc.assert(
        fc.asyncProperty(plan, async (made) =>
          withVersions(driver, startOf(made), [], async (before, after) => {
            let rebuilt = false;
            for (const [i, one] of made.edits.entries()) {
              rebuilt = (await apply(after, await onlyTable(after), one, i, made.kind)) || rebuilt;
            }
            const [old, now] = [await onlyTable(before), await onlyTable(after)];
            const identity = await expectedIdentity(before, after, made.kind, rebuilt, now.name);
            const expected = await truth(before, old, after, now, identity);
            const { deletedKeys, nulled, ...found } = await value(compareTable(before, old, after, now, { rebuilt }));
            expect({ ...found, nulled: Object.fromEntries(nulled.map((one) => [one.column, one.rows])) }).to.deep.equal(
              expected,
            );
            expect(deletedKeys).to.have.lengthOf(found.keyed ? Math.min(5, found.deleted) : 0);
          }),
        ),
        { numRuns: Number(process.env['COMPARE_RUNS'] ?? 60) },
      );
    }).timeout(600_000);
  });
}
