// What tables held before a step changed their rows, read while somebody can still look at it.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import type { Account } from './account.js';
import { explained, isLockError } from './blockers.js';
import { FEW_ROWS, readImage, type Image } from './image.js';
import { quoted } from '../name.js';
import { holdsRows, isOwn, type Relation } from './relations.js';
import type { StatementFacts } from './statement.js';

/** Their rows, or those that hang on them, change by their words. */
const ROW_VERBS: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'WITH', 'COPY']);

/** How things stand before a statement, or after it. */
export interface Sight {
  readonly relations: ReadonlyMap<number, Relation>;
  readonly account: Account;
  /** What only this transaction can look at any more, by number; of relations that are known from before, and of others. */
  readonly barred: ReadonlySet<number>;
}

/**
 * Pure: what only this transaction can look at any more, and has not looked at. Who wants to look at a partition looks at
 * its table, too.
 */
export function unseen({ relations, account, barred }: Sight): readonly Relation[] {
  const parted = [...barred].some((oid) => relations.get(oid)?.kind === 'p');
  const all = parted
    ? [...relations.values()].filter(({ oid, root = oid }) => barred.has(oid) || barred.has(root))
    : [...barred].flatMap((oid) => relations.get(oid) ?? []);
  return all.filter((relation) => holdsRows(relation) && !isOwn(relation) && !account.images.has(relation.oid));
}

/** Pure: those of `changed`, with the tables that they are partitions of, that nobody has looked at before they changed. */
export function missed(changed: Iterable<number>, { relations, account, barred }: Sight): readonly Relation[] {
  const all = new Set<Relation>();
  // Nobody else can look at a table any more, one partition of which they cannot look at.
  const inWhole = new Set([...barred].flatMap((oid) => [oid, relations.get(oid)?.root ?? oid]));
  for (const oid of changed) {
    const relation = relations.get(oid);
    const root = relations.get(relation?.root ?? -1);
    if (!inWhole.has(oid) && (root === undefined || !inWhole.has(root.oid))) continue;
    for (const one of [relation, root])
      if (one && holdsRows(one) && !isOwn(one) && !account.images.has(one.oid)) all.add(one);
  }
  return [...all];
}

/** Pure: what a statement changes by its words, and what is read as soon as it could be changed. */
export function lookedAtFirst({ verb, names, converts }: StatementFacts, sight: Sight): readonly Relation[] {
  if (converts)
    return [...sight.relations.values()].filter(
      (one) => holdsRows(one) && one.root === undefined && names.has(one.bare) && !sight.account.images.has(one.oid),
    );
  if (!ROW_VERBS.has(verb)) return [];
  return unseen(sight).filter(
    ({ bare, root, estimate }) => root === undefined && (names.has(bare) || (estimate >= 0 && estimate <= FEW_ROWS)),
  );
}

/**
 * Whether a statement could change, behind its words, what nobody has looked at; or take it as a whole, where something
 * can run behind them: the server does not count what goes by TRUNCATE.
 */
export const reachesFurther = ({ verb }: StatementFacts, sight: Sight, isLoud: boolean): boolean =>
  ROW_VERBS.has(verb) && (unseen(sight).length > 0 || (isLoud && sight.barred.size > 0));

/** Reads `relations` in the step's own transaction. */
export const withOwnImages = (
  connection: PostgresConnection,
  account: Account,
  relations: readonly Relation[],
): ResultAsync<Account, SqlError> =>
  relations.length === 0
    ? okAsync(account)
    : withImages(account, relations, (one) => readImage(connection, one, 'all'));

/**
 * Reads what others see of the tables that the step has changed, before a statement that can take that sight from them.
 */
export function withCommittedImages(
  second: () => ResultAsync<PostgresConnection, SqlError>,
  { relations, account, barred }: Sight,
): ResultAsync<Account, SqlError> {
  const changed = [...account.rows].flatMap(([oid, { updated, deleted }]) => {
    const relation = relations.get(oid);
    const root = relations.get(relation?.root ?? -1);
    return updated + deleted > 0 ? [relation, root].flatMap((one) => one ?? []) : [];
  });
  const open = [...new Set(changed)].filter(
    (one) => holdsRows(one) && !isOwn(one) && !account.images.has(one.oid) && !barred.has(one.oid),
  );
  return open.length === 0
    ? okAsync(account)
    : second().andThen((other) => withImages(account, open, (one) => committedImage(other, one, 1)));
}

const withImages = (
  account: Account,
  relations: readonly Relation[],
  read: (relation: Relation) => ResultAsync<Image | undefined, SqlError>,
): ResultAsync<Account, SqlError> =>
  inOrder(relations, (relation) => read(relation).map((image) => [relation.oid, image] as const)).map((found) => ({
    ...account,
    images: new Map([...account.images, ...found.flatMap(([oid, image]) => (image ? [[oid, image] as const] : []))]),
  }));

/**
 * What others see of a table. Somebody who waits for this transaction may be before us in the queue: who waits behind
 * that one would wait for ever. Without it, no value can be said to be there still.
 */
export function committedImage(
  other: PostgresConnection,
  relation: Relation,
  updated: number,
): ResultAsync<Image | undefined, SqlError> {
  const read = other
    .query('BEGIN')
    .andThen(() => other.query(`SET LOCAL lock_timeout = '1s'`))
    .andThen(() => readImage(other, relation))
    .orElse((error): ResultAsync<Image | undefined, SqlError> =>
      isLockError(error) && updated === 0 ? okAsync(undefined) : errAsync(explained(error, [])),
    );
  const end = (): ResultAsync<unknown, SqlError> => other.query('ROLLBACK').orElse(() => okAsync(undefined));
  return read.andThen((image) => end().map(() => image)).orElse((error) => end().andThen(() => errAsync(error)));
}

/** For what a trigger or a function took away where nobody could look: it is not let pass. */
export function inDoubt(relations: readonly Relation[]): SqlError {
  const names = relations.map(({ name }) => name).join(', ');
  return {
    kind: 'other',
    code: '55000',
    message:
      `a function or a trigger changed ${names} and kept everybody else from looking at it, so that what was lost cannot be told: ` +
      `say LOCK TABLE ${relations.map(typed).join(', ')} IN ACCESS EXCLUSIVE MODE before that statement`,
  };
}

/** As people type it, in a statement that can be run. */
const typed = ({ schema, bare }: Relation): string =>
  (schema === 'public' ? [bare] : [schema, bare])
    .map((part) => (/^[a-z_][a-z0-9_]*$/.test(part) ? part : quoted(part)))
    .join('.');
