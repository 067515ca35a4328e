// Whether anything of somebody's own can run behind the words of a statement that only adds. Pure.
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import { isMade } from './account.js';
import type { Found, Ledger } from './ledger.js';
import type { Look } from './look.js';
import { holdsRows, isOwn } from './relations.js';
import type { Adds, StatementFacts } from './statement.js';

/** What runs nothing but the server's own. */
export interface Quiet {
  /** Rows that come in: no trigger, no rule, no function for a default or a check. */
  readonly rows: boolean;
  /** What an index is computed from. */
  readonly indexes: boolean;
  /** The columns of a table that was there when the step began, by the name of its relation. */
  readonly columnsOf: (table: string) => readonly string[] | undefined;
}

/** What is known where a step begins. */
export interface Beginning extends Found {
  readonly quiet?: Quiet;
}

/** Nothing is known of it. */
export const NOT_QUIET: Quiet = { rows: false, indexes: false, columnsOf: () => undefined };

export function quietIn({ tables, triggers, objects = [] }: SchemaSnapshot): Quiet {
  const has = (type: string): boolean => objects.some((one) => one.type === type);
  // Every database has plpgsql, and what is written in it is a function.
  const indexes = !has('function') && !objects.some(({ type, name }) => type === 'extension' && name !== PLPGSQL);
  return {
    indexes,
    rows: indexes && triggers.length === 0 && !has('rule'),
    columnsOf: (table) => tables.find(({ name }) => name === table)?.columns.map(({ name }) => name),
  };
}

const PLPGSQL = 'extension plpgsql';

/** Whether anything can be lost by a statement, or run behind its words. In doubt it can. */
export function mustBeFollowed(facts: Pick<StatementFacts, 'adds' | 'sets'>, ledger: Ledger, quiet: Quiet): boolean {
  const { start, account, unread, onlyAdded } = ledger;
  const adds = facts.adds ?? (fillsNewColumns(facts, ledger, quiet) ? 'rows' : undefined);
  // What it adds can hide what was changed before: that is looked at while others can still look.
  const hasChanged = (unread && !onlyAdded) || account.rows.size > 0;
  if (adds === undefined || hasChanged || start === undefined) return true;
  const isSmall = account.schema === 'kept' || account.schema === 'added';
  return !isSmall || mayRunUnseen(adds, quiet, start.look);
}

/**
 * Whether an UPDATE sets nothing but columns that the step has made: no value of before is changed, nor one that somebody
 * else has put into a column of their own meanwhile. A column that is made in a table can be one that a child of it has
 * had before.
 */
function fillsNewColumns(
  { sets }: Pick<StatementFacts, 'sets'>,
  { relations, account }: Pick<Ledger, 'relations' | 'account'>,
  { columnsOf }: Quiet,
): boolean {
  if (sets === undefined || !sets.columns.every((column) => isMade(account, sets.table, column))) return false;
  const all = [...relations.values()];
  const meant = all.filter(({ bare }) => bare === sets.table);
  const parents = new Set(all.flatMap(({ parents: own }) => own));
  return (
    meant.length > 0 &&
    meant.every((one) => {
      const columns = columnsOf(one.name);
      const isPlain = holdsRows(one) && !isOwn(one) && !parents.has(one.oid);
      return isPlain && columns !== undefined && !sets.columns.some((column) => columns.includes(column));
    })
  );
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
