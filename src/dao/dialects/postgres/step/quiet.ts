// Whether anything of somebody's own can run behind the words of a statement that only adds. Pure.
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { Look } from './look.js';

/** What a statement adds by its words: rows, an index, or another relation, or a column. */
export type Adds = 'rows' | 'index' | 'relation';

/** What runs nothing but the server's own. */
export interface Quiet {
  /** Rows that come in: no trigger, no rule, no function for a default or a check. */
  readonly rows: boolean;
  /** What an index is computed from. */
  readonly indexes: boolean;
}

export function quietIn({ triggers, objects = [] }: SchemaSnapshot): Quiet {
  const has = (type: string): boolean => objects.some((one) => one.type === type);
  // Every database has plpgsql, and what is written in it is a function.
  const indexes = !has('function') && !objects.some(({ type, name }) => type === 'extension' && name !== PLPGSQL);
  return { indexes, rows: indexes && triggers.length === 0 && !has('rule') };
}

const PLPGSQL = 'extension plpgsql';

/** An event trigger runs for whatever is done to the schema. */
export const mayRunUnseen = (adds: Adds, quiet: Quiet, { isWatched }: Look): boolean =>
  adds === 'rows' ? !quiet.rows : isWatched || (adds === 'index' && !quiet.indexes);
