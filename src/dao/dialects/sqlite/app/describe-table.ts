// What TypeScript values the columns of a live SQLite table hold: what is declared, as far as the rows that are there bear it out.
import type { ColumnSnapshot, TableSnapshot } from '../../../../core/schema/snapshot.js';
import { foldAscii } from '../../../../core/schema/names.js';
import { textsIn, unquoted, type DescribeTable, type LiveColumn } from '../../../generate/live-table.js';
import { quoted } from '../quote.js';

type Described = Pick<LiveColumn, 'schema' | 'uses' | 'note' | 'example'>;
interface Candidate extends Described {
  /** Holds for each value of the column. */
  readonly fits: (column: string) => string;
}

/** Types are a habit here, not a rule: so many rows are looked at. https://sqlite.org/datatype3.html */
const ROWS = 100_000;
const ISO = ['-', '-', 'T', ':', ':', '.'].reduce(
  (pattern, mark, at) => `${pattern}${'[0-9]'.repeat([4, 2, 2, 2, 2, 2][at] ?? 0)}${mark}`,
  '',
);
const isA = (column: string, ...types: readonly string[]): string =>
  `typeof(${column}) IN (${types.map((type) => `'${type}'`).join(', ')})`;

const TEXT: Candidate = { schema: 'z.string()', example: `'a'`, fits: (c) => isA(c, 'text') };
const REAL: Candidate = { schema: 'z.number()', example: '1.5', fits: (c) => isA(c, 'real', 'integer') };
const BYTES: Candidate = {
  schema: 'bytes()',
  uses: 'bytes',
  example: 'new Uint8Array([1])',
  fits: (c) => isA(c, 'blob'),
};
const BIGINT: Candidate = { schema: 'z.bigint()', example: '1n', fits: (c) => isA(c, 'integer') };
const INTEGER: Candidate = {
  schema: 'z.int()',
  example: '1',
  fits: (c) => `${isA(c, 'integer')} AND ${c} BETWEEN ${Number.MIN_SAFE_INTEGER} AND ${Number.MAX_SAFE_INTEGER}`,
};
/** In the order of https://sqlite.org/datatype3.html#determination_of_column_affinity, names with a meaning before it. */
const CANDIDATES: readonly (readonly [RegExp, Candidate])[] = [
  [/BOOL/, { schema: 'z.boolean()', example: 'true', fits: (c) => `${isA(c, 'integer')} AND ${c} IN (0, 1)` }],
  [
    /JSON/,
    { schema: 'json(z.json())', uses: 'json', example: '{}', fits: (c) => `${isA(c, 'text')} AND json_valid(${c})` },
  ],
  [
    /^(?:DATETIME|TIMESTAMP)/,
    {
      schema: 'z.date()',
      example: `new Date('2026-01-31T12:00:00Z')`,
      fits: (c) => `${isA(c, 'text')} AND ${c} GLOB '${ISO}[0-9][0-9][0-9]Z'`,
    },
  ],
  [/BIGINT|INT8|BIG INT/, BIGINT],
  [/INT/, INTEGER],
  [/CHAR|CLOB|TEXT/, TEXT],
  [/BLOB/, BYTES],
  [/REAL|FLOA|DOUB/, REAL],
  [/NUMERIC|DECIMAL/, { ...REAL, note: 'not exact: SQLite has no such numbers, and decimal() needs a column of TEXT' }],
];

export const describeTable: DescribeTable = async (knex, table) => {
  const candidates = table.columns.map(({ type }) => CANDIDATES.find(([name]) => name.test(type.toUpperCase()))?.[1]);
  const asked = table.columns.map(({ name }, at) => {
    const column = quoted(name);
    const fits = (candidates[at] ?? TEXT).fits(column);
    return `min(${column} IS NULL OR (${fits})) AS f${at}, group_concat(DISTINCT CASE WHEN ${column} IS NOT NULL THEN typeof(${column}) END) AS t${at}`;
  });
  const facts = (await knex.raw(
    `SELECT ${asked.join(', ')} FROM (SELECT * FROM ${quoted(table.name)} LIMIT ${ROWS})`,
  )) as readonly Readonly<Record<string, unknown>>[];
  const found = facts[0] ?? {};
  return {
    name: table.name,
    hasOtherChecks: table.checks.some(({ expression }) => listIn(expression) === undefined),
    columns: table.columns.map((column, at): LiveColumn => {
      const described = found[`f${at}`] === 0 ? byData(column, found[`t${at}`]) : (candidates[at] ?? TEXT);
      const { schema, uses, note, example } = described;
      const values = schema === TEXT.schema ? valuesOf(table, column) : undefined;
      const [first = ''] = values ?? [];
      return {
        name: column.name,
        nullable: !column.notNull && column.primaryKey === 0,
        written: writtenBy(table, column),
        schema: values === undefined ? schema : { oneOf: values },
        ...(uses === undefined ? {} : { uses }),
        ...(note === undefined ? {} : { note }),
        ...(example === undefined ? {} : { example: values === undefined ? example : JSON.stringify(first) }),
      };
    }),
  };
};

/** What is in a column that is not what its type says. */
function byData({ type }: ColumnSnapshot, types: unknown): Described {
  const found = String(types).split(',').toSorted();
  const of = type === '' ? 'no type' : type;
  const note = `declared as ${of}, but holds ${found.join(' and ')}`;
  if (found.every((one) => one === 'integer')) return { ...BIGINT, note };
  if (found.every((one) => one === 'integer' || one === 'real')) return { ...REAL, note };
  if (found.every((one) => one === 'blob')) return { ...BYTES, note };
  if (found.length === 1)
    return { ...TEXT, note: `${note} that is not as the DAOs write it (times: 2026-01-31T12:00:00.000Z)` };
  return { ...TEXT, note: `${note}: rows with anything but text in it cannot be read` };
}

function writtenBy(table: TableSnapshot, column: ColumnSnapshot): LiveColumn['written'] {
  if (column.generated !== undefined) return 'generated';
  if (column.default !== undefined && column.default.toLowerCase() !== 'null') return 'default';
  const isRowid =
    table.primaryKey?.terms.length === 1 && column.primaryKey === 1 && column.type.toUpperCase() === 'INTEGER';
  return isRowid && !table.withoutRowid ? 'default' : 'given';
}

const valuesOf = ({ checks }: TableSnapshot, { name }: ColumnSnapshot): readonly string[] | undefined =>
  checks
    .map(({ expression }) => listIn(expression))
    .find((list) => list !== undefined && foldAscii(list.column) === foldAscii(name))?.values;

/** `rating in('G','PG')` */
function listIn(expression: string): { readonly column: string; readonly values: readonly string[] } | undefined {
  const [, column, list] =
    /^\(*("(?:[^"]|"")+"|\w+)\s+in\s*\(((?:'(?:[^']|'')*'|[\s,])+)\)\)*$/i.exec(expression) ?? [];
  const values = list === undefined ? undefined : textsIn(list);
  return column === undefined || values === undefined ? undefined : { column: unquoted(column), values };
}
