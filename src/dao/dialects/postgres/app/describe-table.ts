// What TypeScript values the columns of a live PostgreSQL table hold, by their types; domains are what they are made of.
import type { ColumnSnapshot, TableSnapshot } from '../../../../core/schema/snapshot.js';
import { textsIn, unquoted, type DescribeTable, type LiveColumn } from '../../../generate/live-table.js';
import { parseName, sqlName } from '../name.js';

type Described = Pick<LiveColumn, 'schema' | 'uses' | 'note' | 'example'>;

/** Names that no host's knex would write in another way. */
interface TypeRow {
  readonly name: string;
  readonly type: string;
  readonly notnull: boolean;
  readonly domain: boolean;
  /** A JSON list. */
  readonly labels: string | null;
}
const TYPES = `
  WITH RECURSIVE base (name, number, type, modifier, not_null, is_domain) AS (
    SELECT attname, attnum, atttypid, atttypmod, attnotnull, false FROM pg_attribute
    WHERE attrelid = ?::regclass AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT b.name, b.number, t.typbasetype, t.typtypmod, b.not_null OR t.typnotnull, true
    FROM base b JOIN pg_type t ON t.oid = b.type AND t.typtype = 'd')
  SELECT b.name, pg_catalog.format_type(b.type, b.modifier) AS type, b.not_null AS notnull, b.is_domain AS domain,
    (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder)::text FROM pg_enum e WHERE e.enumtypid = b.type) AS labels
  FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype <> 'd' ORDER BY b.number`;

const text = (example: string): Described => ({ schema: 'z.string()', example });
const TEXT = text(`'a'`);
const INTEGER: Described = { schema: 'z.int32()', example: '1' };
const REAL: Described = { schema: 'z.number()', example: '1.5' };
const INSTANT: Described = { schema: 'z.date()', example: `new Date('2026-01-31T12:00:00Z')` };
const JSON_VALUE: Described = { schema: 'json(z.json())', uses: 'json', example: '{}' };

/** By the name without precision: https://www.postgresql.org/docs/current/datatype.html */
const BY_TYPE: ReadonlyMap<string, Described> = new Map<string, Described>([
  ['smallint', INTEGER],
  ['integer', INTEGER],
  ['bigint', { schema: 'z.bigint()', example: '1n' }],
  ['real', REAL],
  ['double precision', REAL],
  ['text', TEXT],
  ['character varying', TEXT],
  ['character', TEXT],
  ['uuid', { schema: 'z.guid()', example: `'00000000-0000-4000-8000-000000000001'` }],
  ['boolean', { schema: 'z.boolean()', example: 'true' }],
  ['timestamp with time zone', INSTANT],
  ['timestamp without time zone', { ...INSTANT, note: 'without a time zone: taken for UTC' }],
  ['date', { schema: 'z.iso.date()', example: `'2026-01-31'` }],
  ['time without time zone', text(`'12:00:00'`)],
  ['time with time zone', text(`'12:00:00+00'`)],
  ['interval', text(`'1 day'`)],
  ['json', JSON_VALUE],
  ['jsonb', JSON_VALUE],
  ['numeric', { schema: 'z.string()', example: `'1'`, note: 'numeric without a precision: its digits' }],
  ['bytea', { schema: 'bytes()', uses: 'bytes', example: 'new Uint8Array([1])' }],
]);
const MOST_DIGITS = 18;

export const describeTable: DescribeTable = async (knex, table) => {
  const { schema, name } = parseName(table.name);
  const { rows } = (await knex.raw(TYPES, [sqlName({ schema, name })])) as { readonly rows: readonly TypeRow[] };
  const types = new Map(rows.map((row) => [row.name, row]));
  return {
    name,
    ...(schema === 'public' ? {} : { schema }),
    hasOtherChecks: table.checks.some(({ expression }) => listIn(expression) === undefined),
    columns: table.columns.map((column): LiveColumn => {
      const row = types.get(column.name);
      const { example, ...described } = describe(row, column, table);
      return {
        ...described,
        name: column.name,
        nullable: !column.notNull && row?.notnull !== true,
        written: writtenBy(column),
        // What else a domain asks for is not known.
        ...(example === undefined || row?.domain === true ? {} : { example }),
      };
    }),
  };
};

function describe(row: TypeRow | undefined, column: ColumnSnapshot, table: TableSnapshot): Described {
  const { type = column.type, labels } = row ?? {};
  if (labels !== null && labels !== undefined) return oneOf(JSON.parse(labels) as readonly string[]);
  const known = BY_TYPE.get(type.replace(/\([\d,]+\)/, ''));
  const exact = /^numeric\((\d+),(\d+)\)$/.exec(type);
  if (exact !== null) return exactNumber(type, Number(exact[1]), Number(exact[2]));
  const values = known === TEXT ? valuesOf(table, column) : undefined;
  if (values !== undefined) return oneOf(values);
  return known ?? { schema: 'z.string()', note: `${type}: as PostgreSQL writes it as text` };
}

const oneOf = (values: readonly string[]): Described => ({
  schema: { oneOf: values },
  example: JSON.stringify(values[0] ?? ''),
});

const exactNumber = (type: string, precision: number, scale: number): Described =>
  precision <= MOST_DIGITS && scale <= precision
    ? {
        schema: `decimal({ precision: ${precision}, scale: ${scale} })`,
        uses: 'decimal',
        example: `'0.${'0'.repeat(scale)}'`.replace(/\.'/, `'`),
      }
    : { schema: 'z.string()', note: `${type}: more digits than decimal() has` };

function writtenBy({ generated, identity, default: value }: ColumnSnapshot): LiveColumn['written'] {
  if (generated !== undefined || identity === 'always') return 'generated';
  return identity !== undefined || (value !== undefined && !/^NULL(?:::|$)/i.test(value)) ? 'default' : 'given';
}

const valuesOf = ({ checks }: TableSnapshot, { name }: ColumnSnapshot): readonly string[] | undefined =>
  checks.map(({ expression }) => listIn(expression)).find((list) => list?.column === name)?.values;

/** `CHECK (((state)::text = ANY ((ARRAY['new'::character varying])::text[])))`, which is how the server keeps IN. */
function listIn(expression: string): { readonly column: string; readonly values: readonly string[] } | undefined {
  const [, column, list] =
    /^CHECK \(+("(?:[^"]|"")+"|\w+)\)?(?:::[\w ]+)? = ANY \(+ARRAY\[(.*)\]\)*(?:::[\w ]+\[\])?\)+(?: NOT VALID)?$/.exec(
      expression,
    ) ?? [];
  const values = list === undefined ? undefined : textsIn(list);
  return column === undefined || values === undefined ? undefined : { column: unquoted(column), values };
}
