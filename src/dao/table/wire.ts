// Rows as JSON carries them: for the bodies of requests and answers, from the same declaration as everything else.
import * as z from 'zod';
import type { Column } from './column.js';
import type { AnyTable, Columns, NewRow, Row } from './table.js';

/** Times are ISO text, 64-bit integers digits, bytes base64; everything else is in JSON what it is here. */
export type Wire<V> = V extends Date | bigint | Uint8Array ? string : V;
type OnTheWire<R> = { [C in keyof R]: Wire<R[C]> };

/** A codec: `parse` (or `decode`) makes rows of JSON, `encode` JSON of rows; `z.toJSONSchema` describes the JSON. */
export type WireCodec<R> = z.ZodType<R, OnTheWire<R>>;

/**
 * Rows as they are read.
 * @example
 * app.get('/requests', { schema: { response: { 200: z.array(rowCodec(CompletionRequests)) } } }, …)
 */
export function rowCodec<T extends AnyTable>(table: T): WireCodec<Row<T>> {
  const columns = table.columns.map((column) => [column.name, wired(column, column.value)] as const);
  return z.object(Object.fromEntries(columns)) as z.ZodType as WireCodec<Row<T>>;
}

/**
 * Rows as they are inserted; what is filled in may be left out, unknown members are refused. `omit`: columns that a
 * caller has no say in.
 */
export function newRowCodec<T extends AnyTable, C extends Columns<T> = never>(
  table: T,
  { omit = [] }: { readonly omit?: readonly C[] } = {},
): WireCodec<Omit<NewRow<T>, C>> {
  const { defaults = [], generated = [], version, timestamps, softDelete } = table.options;
  const left = new Set<string | undefined>([...omit, ...generated]);
  const filled = new Set([...defaults, version, timestamps?.createdAt, timestamps?.updatedAt, softDelete]);
  const columns = table.columns
    .filter(({ name }) => !left.has(name))
    .map((column) => {
      const codec = wired(column, column.value);
      const mayLack = column.nullable || filled.has(column.name) || column.inserted.safeParse(undefined).success;
      return [column.name, mayLack ? codec.optional() : codec] as const;
    });
  return z.strictObject(Object.fromEntries(columns)) as z.ZodType as WireCodec<Omit<NewRow<T>, C>>;
}

function wired({ kind, nullable }: Column, checked: z.ZodType): z.ZodType {
  const codec = CODECS[kind];
  if (codec === undefined) return checked;
  return z.pipe(nullable ? codec.nullable() : codec, checked);
}

const CODECS: Readonly<Partial<Record<Column['kind'], z.ZodType>>> = {
  instant: z.codec(z.iso.datetime({ offset: true }), z.date(), {
    decode: (text) => new Date(text),
    encode: (date) => date.toISOString(),
  }),
  bigint: z.codec(z.string().regex(/^-?\d{1,19}$/), z.bigint(), {
    decode: (digits) => BigInt(digits),
    encode: (integer) => integer.toString(),
  }),
  bytes: z.codec(z.base64(), z.instanceof(Uint8Array), {
    decode: (text) => new Uint8Array(Buffer.from(text, 'base64')),
    encode: (bytes) => Buffer.from(bytes).toString('base64'),
  }),
};
