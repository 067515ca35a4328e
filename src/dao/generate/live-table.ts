// A table as its declaration is written from: what each dialect tells of the columns of a live one.
import type { Knex } from 'knex';
import type { TableSnapshot } from '../../core/schema/snapshot.js';

export interface LiveColumn {
  readonly name: string;
  /** What declares its values in TypeScript, without `.nullable()`; a list of values where these are all that it holds. */
  readonly schema: string | { readonly oneOf: readonly string[] };
  /** What of `migrate-safe/dao` that needs. */
  readonly uses?: 'bytes' | 'decimal' | 'json';
  readonly nullable: boolean;
  /** Whether the database fills it in, or computes it. */
  readonly written: 'given' | 'default' | 'generated';
  /** What has to be known of it. */
  readonly note?: string;
  /** A value in TypeScript, for a test; undefined where none can be told from the type. */
  readonly example?: string;
}

export interface LiveTable {
  readonly name: string;
  /** Where it is none that is found without saying so. */
  readonly schema?: string;
  readonly columns: readonly LiveColumn[];
  /** Checks that are more than a list of values. */
  readonly hasOtherChecks: boolean;
}

/** Rejects with the driver's error. */
export type DescribeTable = (knex: Knex, table: TableSnapshot) => Promise<LiveTable>;

/** The texts of a list such as `'a', 'it''s'::text`; undefined where it is not only that. */
export function textsIn(list: string): readonly string[] | undefined {
  const items = /^(?:\s*'(?:[^']|'')*'(?:::[\w ]+)?\s*(?:,|$))+$/.test(list);
  if (!items) return undefined;
  return [...list.matchAll(/'((?:[^']|'')*)'(?:::[\w ]+)?\s*(?:,|$)/g)].map(([, text = '']) =>
    text.replaceAll("''", "'"),
  );
}

/** As a name stands in a check. */
export const unquoted = (name: string): string =>
  name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
