// Rows and values that a step took from tables that are still there: counted by the server, and looked at one by one where they are few.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { ColumnFinding, StepObservation } from '../../../../core/ports/step-transaction.js';
import { compareText } from '../../../../core/schema/names.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import { isMade, sum, type Account } from './account.js';
import { committedImage } from './before-images.js';
import { lossBetween, readImage, SAMPLE, type Columns, type Image } from './image.js';
import type { Look } from './look.js';
import type { Naming } from './lost-parts.js';
import { inSql, isOwn, type Relation, type Relations } from './relations.js';
import type { StepTrace } from './trace.js';

export interface LossContext {
  readonly connection: PostgresConnection;
  /** Sees what was committed. */
  readonly second: () => ResultAsync<PostgresConnection, SqlError>;
  readonly trace: StepTrace;
}

/** How things stand at the end of a step, and how they were called. */
export interface AtEnd {
  readonly now: Look;
  readonly naming: Pick<Naming, 'columnBefore'>;
}

type RowLosses = Pick<StepObservation, 'deletedRows' | 'nulledValues'>;

/** Rows and values that are gone from tables that are still there. */
export function rowLosses(context: LossContext, relations: Relations, end: AtEnd): ResultAsync<RowLosses, SqlError> {
  const { account } = context.trace;
  const done = new Map<number, ReturnType<typeof sum>>();
  /** Rows that are gone by their numbers alone. */
  const emptied = new Map<number, number>();
  const empty = (whole: number, rows: number): unknown => emptied.set(whole, (emptied.get(whole) ?? 0) + rows);
  for (const [oid, effects] of account.rows) {
    const whole = wholeOf(oid, relations);
    // A partition that was dropped may have been none when rows were taken from it: nothing is compared with its table's.
    if (whole !== oid && !relations.after.has(oid))
      empty(whole, Math.max(0, effects.deleted + Math.min(0, account.dropped.get(oid) ?? 0)));
    else done.set(whole, sum(done.get(whole), effects));
  }
  for (const oid of account.images.keys())
    if (!done.has(oid) && wholeOf(oid, relations) === oid) done.set(oid, { inserted: 0, updated: 0, deleted: 0 });
  const concerned = [...done].flatMap(([oid, effects]) => {
    const relation = relations.before.get(oid);
    const looks = effects.updated + effects.deleted > 0 || account.images.has(oid);
    return relation && !isOwn(relation) && relations.after.has(oid) && looks ? [{ relation, effects }] : [];
  });
  for (const [oid, rows] of account.truncated) empty(wholeOf(oid, relations), rows);
  return inOrder(concerned, ({ relation, effects }) => {
    // What was truncated was counted then; but for other partitions nothing of the rest is left to compare with.
    if (emptied.has(relation.oid) && relation.kind !== 'p')
      return okAsync<Loss, SqlError>({ relation, deleted: effects.deleted, keys: [], nulled: [] });
    const after = relations.after.get(relation.oid) ?? relation;
    return wentWithPartitions(context, relation, relations).andThen((went) =>
      lossOf(context, { relation, after, effects, went: went + (emptied.get(relation.oid) ?? 0) }, end),
    );
  }).map((losses) => {
    const rows = new Map(losses.map(({ relation, deleted, keys }) => [relation.oid, { deleted, keys }]));
    for (const [oid, truncated] of emptied)
      if (relations.after.has(oid)) rows.set(oid, { deleted: truncated + (rows.get(oid)?.deleted ?? 0), keys: [] });
    const nameOf = (oid: number): string => relations.before.get(oid)?.name ?? '';
    // The server counts in no order.
    const byTable = (one: { readonly table: string }, other: { readonly table: string }): number =>
      compareText(one.table, other.table);
    return {
      deletedRows: [...rows]
        .filter(([, { deleted }]) => deleted > 0)
        .map(([oid, { deleted, keys }]) => ({ table: nameOf(oid), rows: deleted, keys }))
        .toSorted(byTable),
      nulledValues: losses
        .flatMap(({ relation, nulled }) => nulled.map((one) => ({ table: relation.name, ...one })))
        .toSorted(byTable),
    };
  });
}

/** The table that a partition is part of, before and after; one that was taken out has its rows for itself. */
function wholeOf(oid: number, { before, after }: Relations): number {
  const root = before.get(oid)?.root;
  const now = after.get(oid);
  return root === undefined || (now !== undefined && now.root !== root) ? oid : root;
}

/** The rows of partitions that the table has not any more: they were told by themselves, or are there still. */
function wentWithPartitions(
  { connection, trace }: LossContext,
  { oid: whole, kind: ofWhole }: Relation,
  { before, after }: Relations,
): ResultAsync<number, SqlError> {
  if (ofWhole !== 'p') return okAsync(0);
  const gone = [...before.values()].filter(({ oid, root }) => root === whole && after.get(oid)?.root !== whole);
  const dropped = gone.reduce((all, { oid }) => all + Math.max(0, trace.account.dropped.get(oid) ?? 0), 0);
  const detached = gone.flatMap(({ oid }) => after.get(oid) ?? []).filter(({ kind }) => kind === 'r');
  return inOrder(detached, (one) =>
    connection
      .query<{ rows: number }>(`SELECT pg_catalog.count(*) AS rows FROM ONLY ${inSql(one)}`)
      .map(({ rows: [row] }) => row?.rows ?? 0),
  ).map((all) => all.reduce((most, rows) => most + rows, dropped));
}

/** What is known of the rows of a table. */
interface Concerned {
  readonly relation: Relation;
  readonly after: Relation;
  readonly effects: ReturnType<typeof sum>;
  /** Rows that are not there any more and were not deleted one by one. */
  readonly went: number;
}

interface Loss {
  readonly relation: Relation;
  readonly deleted: number;
  readonly keys: readonly string[];
  readonly nulled: readonly Omit<ColumnFinding, 'table'>[];
}

/**
 * The columns that a table had when the step began: an image that was read later can have some that the step has made, or
 * that had another name. Others can have made some behind a lock.
 */
const columnsBefore = (
  image: Image,
  { columns: last, bare, name: table }: Relation,
  account: Account,
  { columnBefore }: AtEnd['naming'],
): Columns['names'] =>
  new Map(
    [...image.columns.names]
      .filter(([number, name]) => number <= last || !isMade(account, bare, name))
      .map(([number, name]) => [number, columnBefore(table, number) ?? name]),
  );

function lossOf(
  { connection, second, trace }: LossContext,
  { relation, after, effects, went }: Concerned,
  { now: { locks }, naming }: AtEnd,
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
      ? second().andThen((other) => committedImage(other, relation, effects.updated))
      : okAsync<Image | undefined, SqlError>(known);
  return before.andThen((was) =>
    was === undefined
      ? okAsync(counted)
      : readImage(connection, after).map((is): Loss => {
          if (is === undefined) return counted;
          const loss = lossBetween(
            was,
            is,
            { ...effects, deleted: effects.deleted + went },
            columnsBefore(was, relation, trace.account, naming),
          );
          // Where nobody else could write, fewer rows than there should be were taken without being counted.
          const expected = effects.inserted - effects.deleted - went;
          const uncounted = known === undefined ? 0 : Math.max(0, expected - loss.more);
          const taken = effects.deleted + uncounted;
          const gone = loss.rows ?? [];
          const isRefilled = trace.account.refilled.has(relation.oid);
          const deleted = loss.rows === undefined ? taken : isRefilled ? gone.length : Math.min(taken, gone.length);
          return { relation, deleted, keys: deleted > 0 ? gone.slice(0, SAMPLE) : [], nulled: loss.nulled };
        }),
  );
}
