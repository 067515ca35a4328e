// What a column holds, read off the zod schema that declares it: one kind of TypeScript value, whatever the database.
import * as z from 'zod';

/**
 * `integer` and `real` are numbers; `bigint` is any 64-bit integer; `instant` is a Date, to the millisecond; `decimal` is
 * a string of digits, exact; `bytes` is a Uint8Array; `json` is anything that JSON can say.
 */
export type ColumnKind = 'text' | 'integer' | 'real' | 'boolean' | 'bigint' | 'instant' | 'decimal' | 'bytes' | 'json';

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly nullable: boolean;
  /** Digits behind the point of a decimal. */
  readonly scale: number;
  /** Takes what an insert gives, with the default of the declaration. */
  readonly inserted: z.ZodType;
  /** Takes what an update or a condition gives, and what the database answers. */
  readonly value: z.ZodType;
}

interface Declared {
  readonly kind: ColumnKind;
  readonly scale?: number;
}
/** What zod's own types do not say. A refined or described copy is another schema: the registry asks its origin too. */
const DECLARED = z.registry<Declared & Record<string, unknown>>();

function declare<T extends z.ZodType>(schema: T, as: Declared): T {
  DECLARED.add(schema, { ...as });
  return schema;
}

declare const KIND: unique symbol;
/** What the type of the values does not say: a decimal is no text, JSON of a string no string. */
interface Marked<K extends ColumnKind> {
  readonly [KIND]: K;
}
/** The schema of a decimal: a string, told from text by its type. */
export type DecimalSchema = z.ZodString & Marked<'decimal'>;
/** The schema of JSON, told by its type from a column that holds such a value itself. */
export type JsonSchema<T extends z.ZodType> = z.ZodReadonly<T> & Marked<'json'>;
/** The kind that a column was marked with; never where its values say it. */
export type MarkOf<S> =
  S extends Marked<infer K>
    ? K
    : S extends z.ZodNullable<infer I> | z.ZodDefault<infer I> | z.ZodPrefault<infer I> | z.ZodReadonly<infer I>
      ? MarkOf<I>
      : never;

/** A column of JSON, whatever its schema: also for strings, numbers and booleans that are kept as JSON. */
export const json = <T extends z.ZodType>(schema: T): JsonSchema<T> =>
  declare(schema.readonly(), { kind: 'json' }) as JsonSchema<T>;

/** A column of bytes: BLOB or `bytea`. */
export const bytes = (): z.ZodCustom<Uint8Array, Uint8Array> =>
  declare(
    z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'bytes are a Uint8Array'),
    { kind: 'bytes' },
  );

/**
 * An exact number as a string: `decimal({ precision: 10, scale: 2 })` takes "12.5" and gives back "12.50". `numeric` on
 * PostgreSQL, TEXT on SQLite, which has no exact numbers. At most 18 digits, so that SQLite can compare them as integers.
 */
export function decimal({ precision, scale }: { precision: number; scale: number }): DecimalSchema {
  if (!(precision >= 1 && precision <= 18 && scale >= 0 && scale <= precision))
    throw new RangeError(`decimal: precision is 1 to 18 and scale 0 to precision, not ${precision} and ${scale}`);
  const whole = precision - scale;
  const pattern = new RegExp(`^-?\\d{1,${Math.max(whole, 1)}}${scale > 0 ? `(?:\\.\\d{1,${scale}})?` : ''}$`);
  const message = `a decimal of at most ${whole} digits before and ${scale} behind the point`;
  return declare(z.string().regex(pattern, message), { kind: 'decimal', scale }) as DecimalSchema;
}

/** Throws for a schema that no column can have: that is a mistake in the program. */
export function readColumn(name: string, declared: z.ZodType): Column {
  const peeled = peel(declared);
  const { kind, scale = 0 } = DECLARED.get(peeled.inner) ?? { kind: kindOf(name, peeled.inner) };
  return {
    name,
    kind,
    scale,
    nullable: peeled.nullable,
    inserted: declared,
    value: peeled.value,
  };
}

/** Why a value that its schema has let through is nothing that a column of this kind can hold. */
export function unfit(kind: ColumnKind, value: unknown): string | undefined {
  switch (kind) {
    case 'text':
      if (typeof value !== 'string') return undefined;
      if (value.includes('\0')) return 'text with a NUL character';
      return value.isWellFormed() ? undefined : 'text with half of a surrogate pair';
    case 'bigint':
      return typeof value === 'bigint' && (value > INT64.most || value < INT64.least)
        ? 'not a 64-bit integer'
        : undefined;
    case 'instant':
      return value instanceof Date && !(value >= YEARS.first && value <= YEARS.last)
        ? 'not between the years 1 and 9999'
        : undefined;
    default:
      return undefined;
  }
}

const INT64 = { least: -(2n ** 63n), most: 2n ** 63n - 1n };
/** ISO text sorts as time only in years of four digits. */
const YEARS = { first: new Date('0001-01-01T00:00:00.000Z'), last: new Date('9999-12-31T23:59:59.999Z') };

interface Peeled {
  readonly inner: z.ZodType;
  /** Without a default: what the column holds once it is there. */
  readonly value: z.ZodType;
  readonly nullable: boolean;
}

function peel(schema: z.ZodType): Peeled {
  if (DECLARED.has(schema)) return { inner: schema, value: schema, nullable: false };
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return peel(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodNullable) {
    const inner = peel(schema.unwrap() as z.ZodType);
    return { ...inner, value: schema, nullable: true };
  }
  if (schema instanceof z.ZodReadonly) {
    const inner = peel(schema.unwrap() as z.ZodType);
    return { ...inner, value: inner.nullable ? inner.value : schema };
  }
  return { inner: schema, value: schema, nullable: false };
}

function kindOf(name: string, schema: z.ZodType): ColumnKind {
  const { def } = schema;
  switch (def.type) {
    case 'string':
    case 'template_literal':
      return 'text';
    case 'enum':
    case 'literal':
      return kindOfValues(name, schema);
    case 'number':
    case 'int':
      return (schema as z.ZodNumber).isInt ? 'integer' : 'real';
    case 'boolean':
      return 'boolean';
    case 'bigint':
      return 'bigint';
    case 'date':
      return 'instant';
    case 'object':
    case 'array':
    case 'tuple':
    case 'record':
    case 'union':
    case 'intersection':
    case 'any':
    case 'unknown':
    case 'lazy':
      return 'json';
    default:
      throw new TypeError(`column ${name}: z.${def.type}() ${ADVICE[def.type] ?? 'cannot be kept in a column'}`);
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  optional: 'is not how a column may be empty: write .nullable()',
  pipe: 'reads other values than it writes: transform in the DAO',
  transform: 'reads other values than it writes: transform in the DAO',
  catch: 'would hide what is in the table',
  custom: 'does not say what is kept: use bytes() or json(schema)',
};

function kindOfValues(name: string, schema: z.ZodType): ColumnKind {
  const values =
    schema instanceof z.ZodEnum ? schema.options : schema instanceof z.ZodLiteral ? [...schema.values] : [];
  const [type, ...others] = new Set(values.map((value) => typeof value));
  if (others.length === 0 && type === 'string') return 'text';
  if (others.length === 0 && type === 'boolean') return 'boolean';
  if (others.length === 0 && type === 'number') return 'integer';
  throw new TypeError(`column ${name}: the values of one column are of one type`);
}
