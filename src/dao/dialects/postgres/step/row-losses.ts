// Rows and values that a step took from tables that are still there: counted by the server, and looked at one by one where they are few.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { ColumnFinding, StepObservation } from '../../../../core/ports/step-transaction.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import type { TableEffects } from '../../../../core/events/effects.js';
import { sum } from './account.js';
import { explained, isLockError } from './blockers.js';
import { lossBetween, readImage, SAMPLE, type Image } from './image.js';
import type { Look } from './look.js';
import { isOwn, type Relation, type Relations } from './relations.js';
import type { StepTrace } from './trace.js';

export interface LossContext {
  readonly connection: PostgresConnection;
  /** Sees what was committed. */
  readonly second: () => ResultAsync<PostgresConnection, SqlError>;
  readonly trace: StepTrace;
}

type RowLosses = Pick<StepObservation, 'deletedRows' | 'nulledValues'>;

/** Rows and values that are gone from tables that are still there. */
export function rowLosses(context: LossContext, relations: Relations, now: Look): ResultAsync<RowLosses, SqlError> {
  const { account } = context.trace;
  const done = new Map<number, ReturnType<typeof sum>>();
  for (const [oid, effects] of account.rows) {
    const root = relations.before.get(oid)?.root ?? oid;
    done.set(root, sum(done.get(root), effects));
  }
  for (const oid of account.images.keys()) if (!done.has(oid)) done.set(oid, { inserted: 0, updated: 0, deleted: 0 });
  const concerned = [...done].flatMap(([oid, effects]) => {
    const relation = relations.before.get(oid);
    const looks = effects.updated + effects.deleted > 0 || account.images.has(oid);
    return relation && !isOwn(relation) && relations.after.has(oid) && looks ? [{ relation, effects }] : [];
  });
  const emptied = new Map<number, number>();
  for (const [oid, rows] of account.truncated) {
    const root = relations.before.get(oid)?.root ?? oid;
    if (relations.after.has(root)) emptied.set(root, (emptied.get(root) ?? 0) + rows);
  }
  return inOrder(concerned, ({ relation, effects }) =>
    // What was truncated was counted then; of the rest nothing is left to compare with.
    emptied.has(relation.oid)
      ? okAsync<Loss, SqlError>({ relation, deleted: effects.deleted, keys: [], nulled: [] })
      : lossOf(context, relation, relations.after.get(relation.oid) ?? relation, effects, now),
  ).map((losses) => {
    const rows = new Map(losses.map(({ relation, deleted, keys }) => [relation.oid, { deleted, keys }]));
    for (const [oid, truncated] of emptied)
      rows.set(oid, { deleted: truncated + (rows.get(oid)?.deleted ?? 0), keys: [] });
    const nameOf = (oid: number): string => relations.before.get(oid)?.name ?? '';
    return {
      deletedRows: [...rows]
        .filter(([, { deleted }]) => deleted > 0)
        .map(([oid, { deleted, keys }]) => ({ table: nameOf(oid), rows: deleted, keys })),
      nulledValues: losses.flatMap(({ relation, nulled }) => nulled.map((one) => ({ table: relation.name, ...one }))),
    };
  });
}

/**
 * What others see of a table. Somebody who waits for this transaction may be before us in the queue: who waits behind
 * that one would wait for ever. Without it, no value can be said to be there still.
 */
function committedImage(
  other: PostgresConnection,
  relation: Relation,
  { updated }: TableEffects,
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

interface Loss {
  readonly relation: Relation;
  readonly deleted: number;
  readonly keys: readonly string[];
  readonly nulled: readonly Omit<ColumnFinding, 'table'>[];
}

function lossOf(
  { connection, second, trace }: LossContext,
  relation: Relation,
  after: Relation,
  effects: ReturnType<typeof sum>,
  { locks }: Look,
): ResultAsync<Loss, SqlError> {
  const counted: Loss = { relation, deleted: effects.deleted, keys: [], nulled: [] };
  const known = trace.account.images.get(relation.oid);
  // Who waits for this very transaction would wait for ever.
  const barred = [...locks].some(
    ([oid, mode]) =>
      mode === 'AccessExclusive' && (oid === relation.oid || trace.relations.get(oid)?.root === relation.oid),
  );
  const before: ResultAsync<Image | undefined, SqlError> =
    known === undefined && !barred
      ? second().andThen((other) => committedImage(other, relation, effects))
      : okAsync<Image | undefined, SqlError>(known);
  return before.andThen((was) =>
    was === undefined
      ? okAsync(counted)
      : readImage(connection, after).map((is): Loss => {
          if (is === undefined) return counted;
          const loss = lossBetween(was, is, effects);
          const gone = loss.rows ?? [];
          return {
            relation,
            deleted: loss.rows === undefined ? effects.deleted : Math.min(effects.deleted, gone.length),
            keys: effects.deleted > 0 ? gone.slice(0, SAMPLE) : [],
            nulled: loss.nulled,
          };
        }),
  );
}
