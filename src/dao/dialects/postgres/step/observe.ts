// Reads, inside a step's transaction, what the step did: from its account, the server's counters, and what is there now.
import { errAsync, okAsync, ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { StepFault, StepObservation } from '../../../../core/ports/step-transaction.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import { inspectTouched } from '../inspect/inspector.js';
import { isLockError } from './blockers.js';
import { brokenKeys } from './broken-keys.js';
import { droppedColumns, droppedTables } from './dropped.js';
import { effectsOf } from './effects.js';
import { readAdded, readGrown, sinceThen, type Added, type Present } from './grown.js';
import type { Start } from './ledger.js';
import type { Look } from './look.js';
import { lostAttributes } from './lost-attributes.js';
import { lostObjects } from './lost-objects.js';
import { readNaming } from './naming.js';
import { touchesOwn } from './own-objects.js';
import { isOwn, readRelations, type Relations } from './relations.js';
import { mayHaveRenamed, renamed } from './renamed.js';
import { OWN_WAY, type Way } from './way.js';
import { rowLosses, type LossContext } from './row-losses.js';

export interface ObserveContext extends LossContext {
  readonly inspector: { snapshot(): ResultAsync<SchemaSnapshot, SqlError> };
  readonly before: SchemaSnapshot;
}

/** What was put off until the commit runs now, or never: a cursor that is to outlast the transaction would run then. */
const SETTLE = 'SET CONSTRAINTS ALL IMMEDIATE; CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ROLE';

/** An observation, and how the transaction was left by it: another step can begin there. */
export interface Observed extends StepObservation {
  readonly left?: Start;
  /** What the step had set, where it is the engine's own way now. */
  readonly way?: Way;
  /** Nothing can have become of the schema that was not looked for. */
  readonly isWhole?: boolean;
}

/** Facts only; the guard in `core` judges them. A deferred constraint has its say now. */
export function observe(context: ObserveContext): ResultAsync<Observed, StepFault> {
  const { connection, trace, before } = context;
  const { added, start } = trace;
  if (start === undefined) return okAsync(nothingDone(before));
  if (added)
    return readAdded(connection, SETTLE, { ...start, schema: before }, added)
      .andThrough(({ now }) => trace.finish(now))
      .mapErr(asFault)
      .andThen(({ now, present: there }) => admitted(context, now).andThen(() => describe(context, there, now)));
  return looked(context, start)
    .mapErr(asFault)
    .andThen(({ way, now, present: known }) =>
      admitted(context, now)
        .andThen(() => (known ? okAsync<Present, StepFault>(known) : present(context).mapErr(asFault)))
        .andThen((there) => describe(context, there, now))
        .map((observed) => (way === undefined ? observed : { ...observed, way })),
    );
}

/** Whether the transaction is the step's still, and what is the engine's own was left alone. */
const admitted = (context: ObserveContext, now: Look): ResultAsync<void, StepFault> =>
  now.transaction === context.trace.start?.look.transaction
    ? refuseOwn(context, now)
    : errAsync<void, StepFault>({ kind: 'ended-transaction' });

/**
 * The schema in place of what it was before: while nothing is held, somebody else may change it. Where one is in the way
 * of reading it, it is as it was.
 */
export const lookAgain = ({
  connection,
  inspector,
  before,
}: Pick<ObserveContext, 'connection' | 'inspector' | 'before'>): ResultAsync<SchemaSnapshot, SqlError> =>
  connection
    .query(`SET lock_timeout = '500ms'`)
    .andThen(() => inspector.snapshot())
    .orElse((error) => (isLockError(error) ? okAsync(before) : errAsync(error)));

/** Of a step without a transaction, every statement of which was committed by itself: what it made of the schema. */
export function observeSchema({
  connection,
  inspector,
  before,
}: ObserveContext): ResultAsync<StepObservation, StepFault> {
  return connection
    .query(`BEGIN; SET CONSTRAINTS ALL IMMEDIATE; ${OWN_WAY}`)
    .andThen(() => inspector.snapshot())
    .andThen((after) => connection.query('COMMIT').map(() => ({ ...nothingDone(before), after })))
    .mapErr(asFault);
}

const asFault = (error: SqlError): StepFault => ({ kind: 'sql', error });

export const nothingDone = (schema: SchemaSnapshot): StepObservation => ({
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
  if (wrote) return errAsync(REFUSED);
  const { schema } = trace.account;
  const before = trace.start?.look.locks;
  const isNew = [...now.locks].some(([oid, mode]) => before?.get(oid) !== mode);
  // What only added is asked along with what it added.
  if (schema === 'added' || (schema === 'kept' && !isNew)) return okAsync(undefined);
  return touchesOwn(connection, trace.relations)
    .mapErr(asFault)
    .andThen((touches) => (touches ? errAsync(REFUSED) : okAsync(undefined)));
}
const REFUSED: StepFault = { kind: 'forbidden', what: 'journal', sql: 'schema migrate_safe' };

function describe(context: ObserveContext, there: Present, now: Look): ResultAsync<Observed, StepFault> {
  const { connection, before, trace } = context;
  const { relations, schema: after, touchesOwn: own } = there;
  if (own) return errAsync<Observed, StepFault>(REFUSED);
  const both = { before: trace.relations, after: relations };
  return readNaming(connection, both, { before, after }, trace.account.named)
    .andThen((naming) => rowLosses(context, both, { now, naming }).map((rows) => ({ naming, rows })))
    .andThen(({ naming, rows }) =>
      ResultAsync.combine([brokenKeys(context), lostAttributes(context, trace.account, both, [before, after])]).map(
        ([brokenForeignKeys, attributes]): Observed => ({
          before,
          after,
          effects: effectsOf(trace, both, now, after),
          deletedRows: [...rows.deletedRows, ...trace.catalogRows(now)],
          nulledValues: rows.nulledValues,
          droppedTables: droppedTables(trace.account, both),
          droppedColumns: [...droppedColumns(trace.account, both, naming), ...attributes],
          brokenForeignKeys,
          renamed: renamed(both, before, after, naming),
          lostObjects: lostObjects(before, after, naming),
          reinstated: [],
          left: trace.left(now, there),
          isWhole: !(trace.isLoud && trace.account.schema === 'kept'),
        }),
      ),
    )
    .mapErr(asFault);
}

/** Brings the account up to now; where the schema grew at most, with what is there now. */
function looked(
  { connection, before, trace }: ObserveContext,
  start: Start,
): ResultAsync<Partial<Added> & Pick<Added, 'now'> & { readonly way?: Way | undefined }, SqlError> {
  const { isLoud, account } = trace;
  connection.statements.place = 'engine';
  const enter = `${SETTLE}; ${sinceThen(start)}`;
  if (isLoud || account.schema !== 'added')
    return connection.settled<Way>(enter, OWN_WAY).andThen((way) => trace.finish().map((now) => ({ way, now })));
  return readGrown<Way>(connection, `${enter}; ${OWN_WAY}`, { ...start, schema: before })
    .andThrough(({ now }) => trace.finish(now))
    .map(({ way, now, present: there }) =>
      trace.account.schema === 'added' ? { way, now, present: there } : { way, now },
    );
}

/** What is there now, read no further than something can have changed. */
function present(context: ObserveContext): ResultAsync<Present, SqlError> {
  const { connection, before, trace } = context;
  const { relations, account } = trace;
  if (account.schema === 'kept') return okAsync({ relations, schema: before, touchesOwn: false });
  return readRelations(connection).andThen((after) =>
    schemaNow(context, { before: relations, after }).map((schema) => ({ relations: after, schema, touchesOwn: false })),
  );
}

/** Where everything is called as it was, only what was touched is read again. */
function schemaNow(
  { connection, before, inspector, trace }: ObserveContext,
  relations: Relations,
): ResultAsync<SchemaSnapshot, SqlError> {
  const renamed = [...relations.before.values()].some(({ oid, name }) => {
    const now = relations.after.get(oid);
    return now !== undefined && now.name !== name;
  });
  if (renamed || trace.account.schema !== 'grown') return inspector.snapshot();
  const namesOf = (touched: ReadonlySet<number>): ReadonlySet<string> =>
    new Set(
      [...relations.before.values()]
        .filter(({ oid }) => touched.has(oid) || !relations.after.has(oid))
        .map(({ name }) => name),
    );
  return inspectTouched(connection, before, namesOf).andThen((schema) =>
    mayHaveRenamed(before, schema) ? inspector.snapshot() : okAsync(schema),
  );
}
