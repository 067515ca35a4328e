// Reads, inside a step's transaction, what the step did: from its account, the server's counters, and what is there now.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { ColumnFinding, RowFinding, StepFault, StepObservation } from '../../../../core/ports/step-transaction.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import { sum, type Account } from './account.js';
import { effectsOf } from './effects.js';
import { lossBetween, readImage, SAMPLE, type Image } from './image.js';
import type { Look } from './look.js';
import { lostObjects } from './lost-objects.js';
import { readNaming } from './naming.js';
import { touchesOwn } from './own-objects.js';
import { holdsRows, isOwn, readRelations, type Relation, type Relations } from './relations.js';
import type { StepTrace } from './trace.js';

export interface ObserveContext {
  readonly connection: PostgresConnection;
  readonly second: () => ResultAsync<PostgresConnection, SqlError>;
  readonly inspector: { snapshot(): ResultAsync<SchemaSnapshot, SqlError> };
  readonly before: SchemaSnapshot;
  readonly trace: StepTrace;
}

/** Facts only; the guard in `core` judges them. A deferred constraint has its say now. */
export function observe(context: ObserveContext): ResultAsync<StepObservation, StepFault> {
  const { connection, trace, before } = context;
  const begun = trace.transaction;
  if (begun === undefined) return okAsync(nothingDone(before));
  return connection
    .query('SET CONSTRAINTS ALL IMMEDIATE; RESET SESSION AUTHORIZATION; RESET ROLE')
    .andThen(() => trace.read())
    .mapErr(asFault)
    .andThen((now) =>
      now.transaction === begun ? okAsync(now) : errAsync<Look, StepFault>({ kind: 'ended-transaction' }),
    )
    .andThen((now) => refuseOwn(context, now).map(() => now))
    .andThen((now) => inOwnPath(connection, () => describe(context, now)).mapErr(asFault));
}

/** Of a step without a transaction, every statement of which was committed by itself: what it made of the schema. */
export function observeSchema({
  connection,
  inspector,
  before,
}: ObserveContext): ResultAsync<StepObservation, StepFault> {
  return connection
    .query('BEGIN')
    .andThen(() => inOwnPath(connection, () => inspector.snapshot()))
    .andThen((after) => connection.query('COMMIT').map(() => ({ ...nothingDone(before), after })))
    .mapErr(asFault);
}

const asFault = (error: SqlError): StepFault => ({ kind: 'sql', error });

const nothingDone = (schema: SchemaSnapshot): StepObservation => ({
  before: schema,
  after: schema,
  effects: { tables: {} },
  deletedRows: [],
  droppedTables: [],
  droppedColumns: [],
  nulledValues: [],
  brokenForeignKeys: [],
  lostObjects: [],
  reinstated: [],
});

/** The journal and the table backups are nobody's but the engine's. */
function refuseOwn({ connection, trace }: ObserveContext, now: Look): ResultAsync<void, StepFault> {
  const wrote = [...trace.account.rows.keys()].some((oid) => {
    const relation = trace.relations.get(oid);
    return relation !== undefined && isOwn(relation);
  });
  const refused: StepFault = { kind: 'forbidden', what: 'journal', sql: 'schema migrate_safe' };
  if (wrote) return errAsync(refused);
  if (trace.account.schema === 'kept' && now.locks.size === 0) return okAsync(undefined);
  return touchesOwn(connection, trace.relations)
    .mapErr(asFault)
    .andThen((touches) => (touches ? errAsync(refused) : okAsync(undefined)));
}

/** The server writes names as the search path wants them: for the snapshot it has to be empty, and is put back. */
function inOwnPath<T>(connection: PostgresConnection, work: () => ResultAsync<T, SqlError>): ResultAsync<T, SqlError> {
  return connection
    .query<{ path: string }>(`SELECT pg_catalog.current_setting('search_path') AS path`)
    .andThen(({ rows: [row] }) =>
      connection
        .query(`SET LOCAL search_path = ''`)
        .andThen(work)
        .andThen((result) =>
          connection
            .query(`SELECT pg_catalog.set_config('search_path', $1, true)`, [row?.path ?? ''])
            .map(() => result),
        ),
    );
}

function describe(context: ObserveContext, now: Look): ResultAsync<StepObservation, SqlError> {
  const { connection, before, inspector, trace } = context;
  // By their words no statement changed the schema; a function of one of them may have.
  const mayDiffer = trace.account.schema !== 'kept' || [...now.locks.values()].includes('AccessExclusive');
  const schema = mayDiffer ? inspector.snapshot() : okAsync<SchemaSnapshot, SqlError>(before);
  const relations = mayDiffer ? readRelations(connection) : okAsync<typeof trace.relations, SqlError>(trace.relations);
  return schema.andThen((after) =>
    relations.andThen((relationsAfter) => {
      const both = { before: trace.relations, after: relationsAfter };
      return rowLosses(context, both, now).andThen((rows) =>
        readNaming(connection, both, before, trace.account.named, after !== before).map((naming): StepObservation => ({
          before,
          after,
          effects: effectsOf(trace, both, now, after),
          ...rows,
          droppedTables: droppedTables(trace.account, both),
          droppedColumns: droppedColumns(trace.account, both),
          brokenForeignKeys: [],
          lostObjects: lostObjects(before, after, naming),
          reinstated: [],
        })),
      );
    }),
  );
}

/** Dropped with their rows; a partition is part of its table, where that is gone too. */
function droppedTables({ dropped }: Account, { before, after }: Relations): readonly RowFinding[] {
  const gone = [...before.values()].filter(
    (relation) => holdsRows(relation) && !isOwn(relation) && !after.has(relation.oid),
  );
  // What was dropped behind the words of a statement was not counted: the server's estimate, and never nothing.
  const rowsOf = ({ oid, kind, estimate }: Relation): number =>
    dropped.get(oid) ?? (kind === 'p' ? 0 : Math.max(1, estimate));
  return gone
    .filter(({ root }) => root === undefined || after.has(root))
    .map((relation) => ({
      table: relation.name,
      rows: gone
        .filter(({ oid, root }) => oid === relation.oid || root === relation.oid)
        .reduce((all, one) => all + rowsOf(one), 0),
      keys: [],
    }));
}

function droppedColumns({ columns }: Account, { before, after }: Relations): readonly ColumnFinding[] {
  return columns.flatMap(({ oid, column, rows }) => {
    const relation = before.get(oid);
    return relation && after.has(oid) ? [{ table: relation.name, column, rows, keys: [] }] : [];
  });
}

type RowLosses = Pick<StepObservation, 'deletedRows' | 'nulledValues'>;

/** Rows and values that are gone from tables that are still there. */
function rowLosses(context: ObserveContext, relations: Relations, now: Look): ResultAsync<RowLosses, SqlError> {
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

interface Loss {
  readonly relation: Relation;
  readonly deleted: number;
  readonly keys: readonly string[];
  readonly nulled: readonly Omit<ColumnFinding, 'table'>[];
}

function lossOf(
  { connection, second, trace }: ObserveContext,
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
      ? second().andThen((other) => readImage(other, relation))
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
