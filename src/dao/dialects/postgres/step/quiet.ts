// Whether anything of somebody's own can run behind the words of a statement that only adds. Pure.
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { Found, Ledger } from './ledger.js';
import type { Look } from './look.js';
import type { Adds, StatementFacts } from './statement.js';

/** What runs nothing but the server's own. */
export interface Quiet {
  /** Rows that come in: no trigger, no rule, no function for a default or a check. */
  readonly rows: boolean;
  /** What an index is computed from. */
  readonly indexes: boolean;
}

/** What is known where a step begins. */
export interface Beginning extends Found {
  readonly quiet?: Quiet;
}

/** Nothing is known of it. */
export const NOT_QUIET: Quiet = { rows: false, indexes: false };

export function quietIn({ triggers, objects = [] }: SchemaSnapshot): Quiet {
  const has = (type: string): boolean => objects.some((one) => one.type === type);
  // Every database has plpgsql, and what is written in it is a function.
  const indexes = !has('function') && !objects.some(({ type, name }) => type === 'extension' && name !== PLPGSQL);
  return { indexes, rows: indexes && triggers.length === 0 && !has('rule') };
}

const PLPGSQL = 'extension plpgsql';

/** Whether anything can be lost by a statement, or run behind its words. In doubt it can. */
export function mustBeFollowed(
  { adds }: Pick<StatementFacts, 'adds'>,
  { start, account, unread, onlyAdded }: Ledger,
  quiet: Quiet,
): boolean {
  // What it adds can hide what was changed before: that is looked at while others can still look.
  const hasChanged = (unread && !onlyAdded) || account.rows.size > 0;
  if (adds === undefined || hasChanged || start === undefined) return true;
  const isSmall = account.schema === 'kept' || account.schema === 'added';
  return !isSmall || mayRunUnseen(adds, quiet, start.look);
}

/** An event trigger runs for whatever is done to the schema. */
const mayRunUnseen = (adds: Adds, quiet: Quiet, { isWatched }: Look): boolean =>
  adds === 'rows' ? !quiet.rows : isWatched || (adds === 'index' && !quiet.indexes);

const ROWS: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE']);

/** Whether a statement can have done nothing but to rows: nothing of the session is another than before. */
export const leavesSession = ({ verb }: Pick<StatementFacts, 'verb'>, { account, isLoud }: Ledger): boolean =>
  ROWS.has(verb) && !isLoud && (account.schema === 'kept' || account.schema === 'added');

/** What was added since the last look, where nothing else was done and nothing can have run behind it. */
export function addedBy({ account, onlyAdded, isLoud }: Ledger): 'rows' | 'relations' | undefined {
  const { schema, rows, images, unchecked } = account;
  const isSmall = schema === 'kept' || schema === 'added';
  if (!onlyAdded || isLoud || !isSmall || unchecked || images.size > 0) return undefined;
  const isNew = [...rows.values()].every(({ updated, deleted }) => updated + deleted === 0);
  return isNew ? (schema === 'added' ? 'relations' : 'rows') : undefined;
}
