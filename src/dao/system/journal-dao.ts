// The engine's own DAO: the journal of events and the projection of applied steps, over any session.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { Actor, RecordedEvent, StoredEvent } from '../../core/events/envelope.js';
import type { AppliedStep } from '../../core/history/history.js';
import { EMPTY_HEAD, type JournalHead } from '../../core/journal/chain.js';
import type { JournalGlance } from '../../core/ports/database.js';
import type { Session, SqlError, SqlValue } from '../../core/ports/session.js';
import { inOrder } from '../in-order.js';

/** The names under which a dialect keeps the tables. */
export interface JournalTables {
  readonly events: string;
  readonly steps: string;
  readonly meta: string;
  /** The statement that lists which of the three are there, by these names. */
  readonly present: string;
  /** A scalar subquery: all rows of a table as one JSON text, an array of arrays. */
  readonly rowsAsJson: (table: string, columns: readonly string[]) => string;
}

export interface EventRow {
  readonly position: number;
  readonly run_id: string;
  readonly component: string;
  readonly type: string;
  readonly schema_version: number;
  readonly recorded_at: string;
  readonly actor: string;
  readonly data: string;
  readonly previous_hash: string;
  readonly hash: string;
}
const STEP_COLUMNS = [
  'component',
  'version',
  'description',
  'state',
  'checksum',
  'applied_at',
  'duration_ms',
  'position',
] as const;
type StepRow = readonly [string, string, string, string, string, string, number, number];
interface GlanceRow {
  readonly database_id: string | null;
  readonly layout: string | null;
  readonly position: number | null;
  readonly hash: string | null;
  readonly type: string | null;
  readonly steps: string;
}

const EVENT_COLUMNS = [
  'position',
  'run_id',
  'component',
  'type',
  'schema_version',
  'recorded_at',
  'actor',
  'data',
  'previous_hash',
  'hash',
] as const;
/** A statement of some 10 values per row stays far below every driver's limit of parameters. */
const ROWS_PER_INSERT = 200;

export class JournalDao {
  readonly #session: Session;
  readonly #tables: JournalTables;

  constructor(session: Session, tables: JournalTables) {
    this.#session = session;
    this.#tables = tables;
  }

  /** What the fast path reads: one statement. A driver makes an object of each row; of one text it is four times as fast. */
  glance(): ResultAsync<JournalGlance, SqlError> {
    const { events, steps, meta, rowsAsJson } = this.#tables;
    return this.#session
      .all<GlanceRow>(
        `SELECT (SELECT value FROM ${meta} WHERE key = 'database_id') AS database_id,
                (SELECT value FROM ${meta} WHERE key = 'layout') AS layout, e.position, e.hash, e.type,
                ${rowsAsJson(steps, STEP_COLUMNS)} AS steps
         FROM (SELECT 1 AS one) AS here
         LEFT JOIN (SELECT position, hash, type FROM ${events} ORDER BY position DESC LIMIT 1) AS e ON true`,
      )
      .map(([row]) => ({
        databaseId: row?.database_id ?? '',
        layout: Number(row?.layout ?? 0),
        head: { position: row?.position ?? EMPTY_HEAD.position, hash: row?.hash ?? EMPTY_HEAD.hash },
        headType: row?.type ?? '',
        steps: stepsOf(row),
      }));
  }

  projection(): ResultAsync<AppliedStep[], SqlError> {
    return this.#session
      .all<Pick<GlanceRow, 'steps'>>(`SELECT ${this.#tables.rowsAsJson(this.#tables.steps, STEP_COLUMNS)} AS steps`)
      .map(([row]) => stepsOf(row));
  }

  head(): ResultAsync<JournalHead, SqlError> {
    return this.#session
      .all<JournalHead>(`SELECT position, hash FROM ${this.#tables.events} ORDER BY position DESC LIMIT 1`)
      .map(([row]) => row ?? EMPTY_HEAD);
  }

  /** The events after position `from`, in order of position, exactly as they were written. */
  read(from = 0): ResultAsync<StoredEvent[], SqlError> {
    // From the start means every row, also one that somebody put before the first.
    const [where, values] = from > 0 ? ['WHERE position > ?', [from]] : ['', []];
    return this.#session
      .all<EventRow>(`SELECT * FROM ${this.#tables.events} ${where} ORDER BY position`, values)
      .map((rows) => rows.map(eventOf));
  }

  /** Writes events as they are; the tables' own triggers refuse a gap. To be called inside a transaction. */
  append(events: readonly (RecordedEvent | StoredEvent)[]): ResultAsync<void, SqlError> {
    return this.#insert(this.#tables.events, EVENT_COLUMNS, events.map(valuesOf));
  }

  /** Brings the projection to `steps`, touching only what differs. To be called inside a transaction. */
  project(before: readonly AppliedStep[], steps: readonly AppliedStep[]): ResultAsync<void, SqlError> {
    const { steps: table } = this.#tables;
    const gone = without(before, steps);
    const added = without(steps, before);
    return inOrder(gone, (step) =>
      this.#session.run(`DELETE FROM ${table} WHERE component = ? AND version = ?`, [step.component, step.version]),
    ).andThen(() => this.#insert(table, STEP_COLUMNS, added.map(stepRow)));
  }

  #insert(
    table: string,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
  ): ResultAsync<void, SqlError> {
    const batches = Array.from({ length: Math.ceil(rows.length / ROWS_PER_INSERT) }, (_, i) =>
      rows.slice(i * ROWS_PER_INSERT, (i + 1) * ROWS_PER_INSERT),
    );
    const row = `(${columns.map(() => '?').join(', ')})`;
    return inOrder(batches, (batch) =>
      this.#session.run(
        `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${batch.map(() => row).join(', ')}`,
        batch.flat(),
      ),
    ).map(() => undefined);
  }

  /** Writes the projection anew. To be called inside a transaction. */
  rewriteProjection(steps: readonly AppliedStep[]): ResultAsync<void, SqlError> {
    return this.#session.run(`DELETE FROM ${this.#tables.steps}`).andThen(() => this.project([], steps));
  }

  /** Notes the database's id as its journal says it. To be called inside a transaction. */
  identify(databaseId: string): ResultAsync<void, SqlError> {
    return this.#session
      .run(
        `INSERT INTO ${this.#tables.meta} AS present (key, value) VALUES ('database_id', ?)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE present.value <> excluded.value`,
        [databaseId],
      )
      .andThen(() => okAsync(undefined));
  }
}

/** The steps of `all` that `others` does not have with the same content; the same objects cost no comparison. */
function without(all: readonly AppliedStep[], others: readonly AppliedStep[]): readonly AppliedStep[] {
  const same = new Set(others);
  const rest = all.filter((step) => !same.has(step));
  if (rest.length === 0) return rest;
  const mine = new Set(all);
  const content = new Set(others.filter((step) => !mine.has(step)).map((step) => JSON.stringify(stepRow(step))));
  return rest.filter((step) => !content.has(JSON.stringify(stepRow(step))));
}

const stepRow = (s: AppliedStep): SqlValue[] => [
  s.component,
  s.version,
  s.description,
  s.state,
  s.checksum,
  s.appliedAt,
  s.durationMs,
  s.position,
];

const stepsOf = (row: Pick<GlanceRow, 'steps'> | undefined): AppliedStep[] =>
  (JSON.parse(row?.steps ?? '[]') as readonly StepRow[]).map(stepOf);

const stepOf = ([
  component,
  version,
  description,
  state,
  checksum,
  appliedAt,
  durationMs,
  position,
]: StepRow): AppliedStep => ({
  component,
  version,
  description,
  state: state === 'stamped' ? 'stamped' : 'applied',
  checksum,
  appliedAt,
  durationMs,
  position,
});

export const eventOf = (row: EventRow): StoredEvent => ({
  position: row.position,
  runId: row.run_id,
  component: row.component,
  type: row.type,
  schemaVersion: row.schema_version,
  recordedAt: row.recorded_at,
  actor: parsed<Actor>(row.actor),
  data: parsed<Readonly<Record<string, unknown>>>(row.data),
  previousHash: row.previous_hash,
  hash: row.hash,
});

/** A cell that is no longer JSON was edited: it is kept as text, so that its hash shows it. */
function parsed<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    return { edited: text } as T;
  }
}

const valuesOf = (e: RecordedEvent | StoredEvent): SqlValue[] => [
  e.position,
  e.runId,
  e.component,
  e.type,
  e.schemaVersion,
  e.recordedAt,
  JSON.stringify(e.actor),
  JSON.stringify(e.data),
  e.previousHash,
  e.hash,
];
