// Reads, inside a step's transaction, what the step did: rows per table, what was dropped, what was lost on the way.
import { okAsync, type ResultAsync } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import type { SchemaSnapshot, TableSnapshot } from '../../../../core/schema/snapshot.js';
import type { TableEffects } from '../../../../core/events/effects.js';
import type {
  ColumnFinding,
  LostObject,
  RowFinding,
  StepObservation,
} from '../../../../core/ports/step-transaction.js';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { unlike } from '../../../../core/schema/unlike.js';
import { compareTable } from '../compare/compare-table.js';
import { droppedColumnLoss } from '../compare/dropped-column.js';
import type { AddedColumn } from '../compare/identity.js';
import { countRows, readShape, storedDefault, type TableShape } from '../compare/shape.js';
import type { SqliteConnection } from '../drivers/driver.js';
import type { InspectedSchema, SqliteInspector } from '../inspect/inspector.js';
import type { RawObject } from '../inspect/read-objects.js';
import { folded } from '../quote.js';
import type { BeforeImage } from './before-image.js';
import { brokenObjects } from './broken-objects.js';
import { newViolations } from './foreign-keys.js';
import { reinstate } from './reinstate.js';
import { lostObjects } from './lost-objects.js';
import { renamed } from './renamed.js';
import { keepSequences } from './sequences.js';
import { followTables, type TableFate } from './table-fate.js';
import type { WriteTrace } from './trace.js';

export interface ObserveContext {
  readonly connection: SqliteConnection;
  readonly inspector: SqliteInspector;
  readonly before: InspectedSchema;
  readonly beforeImage: BeforeImage;
  readonly trace: WriteTrace;
}

interface RowReport {
  readonly table: string;
  readonly effects: TableEffects;
  readonly deleted?: RowFinding;
  readonly dropped?: RowFinding;
  readonly columns: readonly ColumnFinding[];
  readonly nulled: readonly ColumnFinding[];
  /** New columns that hold what another one held. */
  readonly takenOver?: NonNullable<StepObservation['renamed']>;
}

/** What was seen, and the schema as the step leaves it. */
export interface Observed {
  readonly observation: StepObservation;
  readonly after: InspectedSchema;
}

/** Facts only; the guard in `core` judges them. */
export function observe(context: ObserveContext): ResultAsync<Observed, SqlError> {
  const { connection, inspector, before, beforeImage, trace } = context;
  const image = (): ResultAsync<Session, SqlError> => beforeImage.session();
  return schemaNow(context)
    .andThen((left) => reinstate(connection, before.raw, left.raw, trace).map((done) => ({ ...done, left })))
    .andThen(({ reinstated, lost, left }) =>
      (reinstated.length === 0 ? okAsync<InspectedSchema, SqlError>(left) : inspector.snapshot()).andThen((after) => {
        const fates = followTables(before, after, trace);
        const onlyAdded = isOnlyAdded(before, after);
        const broken = (): ResultAsync<readonly LostObject[], SqlError> =>
          onlyAdded ? okAsync([]) : brokenObjects(connection, after.raw, image);
        return keepSequences(connection, fates, image)
          .andThen(() => inOrder(fates, (fate) => reportOf(fate, connection, image, trace)))
          .andThen((reports) =>
            broken().andThen((brokenNow) =>
              newViolations(connection, childrenToCheck(after.snapshot, fates), image, namesBefore(fates)).map(
                (brokenForeignKeys): Observed => ({
                  after,
                  observation: {
                    before: before.snapshot,
                    after: after.snapshot,
                    effects: {
                      tables: Object.fromEntries(reports.filter(hasEffects).map((r) => [r.table, r.effects])),
                    },
                    deletedRows: reports.flatMap((r) => r.deleted ?? []),
                    droppedTables: reports.flatMap((r) => r.dropped ?? []),
                    droppedColumns: reports.flatMap((r) => r.columns),
                    nulledValues: reports.flatMap((r) => r.nulled),
                    brokenForeignKeys,
                    renamed: renamed(
                      fates,
                      reports.flatMap((r) => r.takenOver ?? []),
                      trace,
                    ),
                    lostObjects: [...lost, ...brokenNow, ...lostObjects(before, after, fates, trace)],
                    reinstated,
                  },
                }),
              ),
            ),
          );
      }),
    );
}

function schemaNow({ inspector, before, trace }: ObserveContext): ResultAsync<InspectedSchema, SqlError> {
  const fate = trace.schemaFate;
  switch (fate.kind) {
    case 'kept':
      return okAsync(before);
    case 'added':
      return inspector.grown(before, fate.names);
    case 'unknown':
      return inspector.snapshot();
  }
}

const hasEffects = ({ effects }: RowReport): boolean => effects.inserted + effects.updated + effects.deleted > 0;

function reportOf(
  fate: TableFate,
  connection: Session,
  image: () => ResultAsync<Session, SqlError>,
  trace: WriteTrace,
): ResultAsync<RowReport, SqlError> {
  const nothing = { columns: [], nulled: [] };
  // Rows that were only added are known from their statements: nothing that was there has to be read.
  const inserted = fate.kind === 'kept' ? addedRows(fate, trace) : undefined;
  if (inserted !== undefined) {
    return okAsync({ table: fate.name, effects: { inserted, updated: 0, deleted: 0 }, ...nothing });
  }
  switch (fate.kind) {
    case 'created':
      if (!trace.wroteAnything && !trace.written.has(folded(fate.name)))
        return okAsync({ table: fate.name, effects: { inserted: 0, updated: 0, deleted: 0 }, ...nothing });
      return countRows(connection, fate.name).map((inserted) => ({
        table: fate.name,
        effects: { inserted, updated: 0, deleted: 0 },
        ...nothing,
      }));
    case 'dropped':
      return image().andThen((session) =>
        countRows(session, fate.name).map((rows) => ({
          table: fate.name,
          effects: { inserted: 0, updated: 0, deleted: rows },
          dropped: { table: fate.name, rows, keys: [] },
          ...nothing,
        })),
      );
    case 'kept':
      return image().andThen((session) => compareKept(fate, session, connection));
  }
}

/** Undefined where rows of before may have changed. */
function addedRows(fate: TableFate & { kind: 'kept' }, trace: WriteTrace): number | undefined {
  if (fate.onlyWidened) return 0;
  return fate.asItWas ? trace.onlyInserted(fate.name) : undefined;
}

function compareKept(
  fate: TableFate & { kind: 'kept' },
  before: Session,
  after: Session,
): ResultAsync<RowReport, SqlError> {
  const { name, nameBefore, rebuilt } = fate;
  return readShape(before, nameBefore).andThen((shapeBefore) =>
    readShape(after, name).andThen((shapeAfter) => {
      const unchanged = { table: name, effects: { inserted: 0, updated: 0, deleted: 0 }, columns: [], nulled: [] };
      if (shapeBefore === undefined || shapeAfter === undefined) return okAsync<RowReport, SqlError>(unchanged);
      const kept = new Set(shapeAfter.columns.map(folded));
      const gone = shapeBefore.columns.filter((column) => !kept.has(folded(column)));
      return inOrder(gone, (column) =>
        droppedColumnLoss(before, shapeBefore, after, shapeAfter, column, { rebuilt }).map((loss) => ({
          column,
          ...loss,
        })),
      ).andThen((losses) => {
        // A column that holds what another one held was renamed: nothing was written to it.
        const takenOver = losses.flatMap(({ renamedTo }) => renamedTo ?? []);
        const holdsAnother = new Set(takenOver.map(folded));
        const added = rebuilt
          ? []
          : addedColumns(shapeBefore, fate.after).filter(({ column }) => !holdsAnother.has(folded(column)));
        return compareTable(before, shapeBefore, after, shapeAfter, { rebuilt, added }).map((rows): RowReport => ({
          table: name,
          effects: { inserted: rows.inserted, updated: rows.updated, deleted: rows.deleted },
          ...(rows.deleted > 0 ? { deleted: { table: nameBefore, rows: rows.deleted, keys: rows.deletedKeys } } : {}),
          columns: losses.map(({ column, rows: lost, keys }): ColumnFinding => ({
            table: nameBefore,
            column,
            rows: lost,
            keys,
          })),
          nulled: rows.nulled.map((n) => ({ table: nameBefore, ...n })),
          takenOver: takenOver.map((column) => ({ table: name, from: nameBefore, column })),
        }));
      });
    }),
  );
}

/** Columns that the step added, with what SQLite filled them with: a row that holds something else was written to. */
function addedColumns(before: TableShape, after: TableSnapshot | undefined): readonly AddedColumn[] {
  const known = new Set(before.columns.map(folded));
  return (after?.columns ?? [])
    .filter((column) => !known.has(folded(column.name)) && column.generated === undefined)
    .map((column) => ({ column: column.name, filledWith: storedDefault(column.default ?? 'NULL', column.type) }));
}

/** Whether every object of before is there as it was: then nothing that was there can have stopped compiling. */
function isOnlyAdded(before: InspectedSchema, after: InspectedSchema): boolean {
  const [changed, fresh] = unlike(before.raw, after.raw);
  if (changed.length === 0) return true;
  // Within a type, names are unique.
  const key = ({ type, name }: RawObject): string => `${type} ${name}`;
  const now = new Map(fresh.map((object) => [key(object), object]));
  return changed.every((object) => {
    const kept = now.get(key(object));
    return kept?.sql === object.sql && kept.tableName === object.tableName;
  });
}

/** Tables whose foreign keys the step can have broken: those it changed, and those that point at one it changed. */
function childrenToCheck(schema: SchemaSnapshot, fates: readonly TableFate[]): readonly string[] {
  const changed = new Set(
    fates.flatMap((fate) => [folded(fate.name), ...(fate.kind === 'kept' ? [folded(fate.nameBefore)] : [])]),
  );
  return schema.tables
    .filter((table) => table.foreignKeys.length > 0)
    .filter(
      (table) =>
        changed.has(folded(table.name)) || table.foreignKeys.some((key) => changed.has(folded(key.references.table))),
    )
    .map((table) => table.name);
}

/** What a table of now was called before the step; undefined for one that the step made. */
function namesBefore(fates: readonly TableFate[]): (table: string) => string | undefined {
  const names = new Map<string, string | undefined>(
    fates.flatMap((fate) =>
      fate.kind === 'dropped' ? [] : [[folded(fate.name), fate.kind === 'kept' ? fate.nameBefore : undefined] as const],
    ),
  );
  return (table) => (names.has(folded(table)) ? names.get(folded(table)) : table);
}
