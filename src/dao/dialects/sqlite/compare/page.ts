// Reads pages of one table as one body each, which is cheap to compare as a whole and can be cut into rows; no page outgrows its budget.
import { err, ok, type Result, ResultAsync } from 'neverthrow';
import type { Session, SqlError, SqlValue } from '../../../../core/ports/session.js';
import { ALIAS, type Carriage } from './cells.js';
import { beyond, type Key, orderOf, type Place, placeOf, upTo } from './key.js';

/** One table as one session sees it, with the SQL that writes its rows. */
export interface Side {
  readonly session: Session;
  /** As an SQL identifier, with its schema. */
  readonly table: string;
  readonly key: Key;
  /** The expression by which rows of the two sides are compared; of keyed rows it begins with the identity and `;`. */
  readonly content: string;
  readonly carriage: Carriage;
  /** A virtual table may read itself whole for every page, so that few pages are better than small ones. */
  readonly virtual: boolean;
}

/** The rows after one place, up to another or to the end, at most `limit`. */
export interface Span {
  readonly after: Place | undefined;
  readonly upTo?: Place | undefined;
  readonly limit: number;
}

/** Rows in the order of the key. */
export interface Page {
  readonly rows: number;
  readonly body: Buffer;
  /** The most rows that it could have had: the limit asked for, or less if rows were wide. */
  readonly limit: number;
  /** Where it ends; undefined if it has fewer rows than its limit, so that none follow. */
  readonly last: Place | undefined;
}

/** What a page should weigh, in bytes; it may weigh fourfold. A single row may always be as large as SQLite lets it be. */
const PAGE_BYTES = 1024 * 1024;

/** What a row too wide for its page leaves in the body; no row begins like this. */
const WIDE = '!';

type Read = Record<'n' | 'body' | 'wide' | 'last', SqlValue>;

/** A page that has its rows whole: where some are too wide, it is read again with fewer. */
export function readPage(side: Side, span: Span): ResultAsync<Page, SqlError> {
  return new ResultAsync(readFitting(side, span));
}

async function readFitting(side: Side, span: Span): Promise<Result<Page, SqlError>> {
  for (let limit = span.limit; ; limit = Math.max(1, Math.floor(limit / 8))) {
    const read = await side.session.all<Read>(pageSql(side, { ...span, limit }));
    if (read.isErr()) return err(read.error);
    const [row] = read.value;
    if (Number(row?.wide ?? 0) > 0) continue;
    const last = typeof row?.last === 'string' ? row.last : undefined;
    return ok({ rows: Number(row?.n ?? 0), body: bytesOf(row?.body ?? null), limit, last });
  }
}

/** The statement of `readPage`; exported because its query plan is a promise: no page may sort its table. */
export function pageSql(side: Side, span: Span): string {
  const wide = span.limit === 1 ? 'FALSE' : `octet_length(r) > ${Math.floor((4 * PAGE_BYTES) / span.limit)}`;
  const row = side.carriage === 'bytes' ? `octet_length(r)||':'||r` : `r||char(10)`;
  const rows = `group_concat(CASE WHEN ${wide} THEN '${WIDE}' ELSE ${row} END, '')`;
  const key = side.key.kind === 'integer' ? side.key.expression : 'NULL';
  return (
    `SELECT count(*) AS n, ${side.carriage === 'bytes' ? `CAST(${rows} AS BLOB)` : rows} AS body, sum(${wide}) AS wide, ` +
    `CASE WHEN count(*) = ${span.limit} THEN ${lastPlace(side, span)} END AS last ` +
    `FROM (SELECT ${key} AS k, ${side.content} AS r ${range(side, span)})`
  );
}

/** The rows of a page, each as it was written. */
export function rowsOf(side: Side, page: Page): readonly Buffer[] {
  const rows: Buffer[] = [];
  const mark = side.carriage === 'bytes' ? ':' : '\n';
  for (let at = 0; rows.length < page.rows;) {
    const found = page.body.indexOf(mark, at);
    const start = side.carriage === 'bytes' ? found + 1 : at;
    const end = side.carriage === 'bytes' ? start + Number(page.body.toString('latin1', at, found)) : found;
    rows.push(page.body.subarray(start, end));
    at = side.carriage === 'bytes' ? end : end + 1;
  }
  return rows;
}

/** The two pages hold the same rows in the same order. */
export function samePage(a: Page, b: Page): boolean {
  return a.rows === b.rows && a.body.equals(b.body);
}

/** The limit for the first page of a walk. */
export function firstLimit(...sides: readonly Side[]): number {
  return sides.some((side) => side.virtual) ? 50_000 : 250;
}

/** The limit for the page after these two. */
export function nextLimit(a: Page, b: Page, sides: readonly Side[]): number {
  const average = Math.max(1, (a.body.length + b.body.length) / Math.max(1, a.rows + b.rows));
  const most = sides.some((side) => side.virtual) ? 50_000 : 8000;
  return Math.max(1, Math.min(most, 4 * Math.min(a.limit, b.limit), Math.floor(PAGE_BYTES / average)));
}

/** The place of the row with this index (from 0) behind a place; undefined if there are not so many. */
export function placeAt(side: Side, after: Place | undefined, index: number): ResultAsync<Place | undefined, SqlError> {
  return side.session
    .all<{ readonly place: string }>(
      `SELECT ${placeOf(side.key)} AS place ${rowAt(side.table, side.key, after, index)}`,
    )
    .map((found) => found[0]?.place);
}

/** FROM and what follows it for the row with this index (from 0) behind a place. */
export function rowAt(table: string, key: Key, after: Place | undefined, index: number): string {
  if (key.kind === 'position') return `FROM ${table} AS ${ALIAS} LIMIT 1 OFFSET ${Number(after ?? 0) + index}`;
  return `${range({ table, key }, { after, limit: 1 })} OFFSET ${index}`;
}

/** The number of rows behind a place; all rows if there is none. */
export function countBeyond(side: Side, after: Place | undefined): ResultAsync<number, SqlError> {
  const where = after === undefined ? '' : ` WHERE ${beyond(side.key, after)}`;
  return side.session
    .all<{ readonly n: SqlValue }>(`SELECT count(*) AS n FROM ${side.table} AS ${ALIAS}${where}`)
    .map((found) => Number(found[0]?.n ?? 0));
}

function lastPlace(side: Side, span: Span): string {
  if (side.key.kind === 'integer') return 'CAST(max(k) AS TEXT)';
  if (side.key.kind === 'position') return `'${Number(span.after ?? 0) + span.limit}'`;
  return `(SELECT ${placeOf(side.key)} ${range(side, { ...span, limit: 1 })} OFFSET ${span.limit - 1})`;
}

function range(side: Pick<Side, 'table' | 'key'>, span: Span): string {
  const from = `FROM ${side.table} AS ${ALIAS}`;
  if (side.key.kind === 'position') return `${from} LIMIT ${span.limit} OFFSET ${span.after ?? 0}`;
  const bounds = [
    ...(span.after === undefined ? [] : [beyond(side.key, span.after)]),
    ...(span.upTo === undefined ? [] : [upTo(side.key, span.upTo)]),
  ];
  const where = bounds.length === 0 ? '' : ` WHERE ${bounds.join(' AND ')}`;
  return `${from}${where} ${orderOf(side.key)} LIMIT ${span.limit}`;
}

function bytesOf(value: SqlValue): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return Buffer.from(value === null ? '' : String(value), 'utf8');
}
