// Finds views and triggers that a step broke: they are still there, but no longer compile.
import { okAsync, type ResultAsync } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import type { LostObject } from '../../../../core/ports/step-transaction.js';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { isForeignObject } from '../inspect/neighbours.js';
import type { RawObject } from '../inspect/read-objects.js';
import { folded, quoted } from '../quote.js';

/** Objects of the application in `after` that do not compile, and did in the state that `before` gives a session of. */
export function brokenObjects(
  after: Session,
  objects: readonly RawObject[],
  before: () => ResultAsync<Session, SqlError>,
): ResultAsync<readonly LostObject[], SqlError> {
  const views = objects.filter((o) => o.type === 'view').map((o): LostObject => ({ type: 'view', name: o.name }));
  const tables = new Set(objects.filter((o) => o.type === 'table').map((o) => folded(o.name)));
  const triggers = objects
    .filter((o) => o.type === 'trigger' && tables.has(folded(o.tableName)) && !isForeignObject(o.tableName))
    .map((o): LostObject => ({ type: 'trigger', name: o.name, table: o.tableName }));
  return inOrder([...views, ...triggers], (object) =>
    problemOf(after, object).andThen((problem) => {
      if (problem === undefined) return okAsync(undefined);
      return before()
        .andThen((session) => problemOf(session, object))
        .map((earlier): LostObject | undefined => (earlier === undefined ? { ...object, reason: problem } : undefined));
    }),
  ).map((found) => found.filter((object) => object !== undefined));
}

/** What SQLite says when it compiles the view, or a statement that fires the table's triggers; undefined if it compiles. */
function problemOf(session: Session, object: LostObject): ResultAsync<string | undefined, SqlError> {
  const statements =
    object.table === undefined
      ? [`SELECT * FROM ${quoted(object.name)}`]
      : [`DELETE FROM ${quoted(object.table)}`, `INSERT INTO ${quoted(object.table)} DEFAULT VALUES`];
  const updates =
    object.table === undefined
      ? okAsync<string[], SqlError>([])
      : session
          .all<{ name: string }>(`SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0 LIMIT 1`, [object.table])
          .map((columns) =>
            columns.map(({ name }) => `UPDATE ${quoted(object.table ?? '')} SET ${quoted(name)} = ${quoted(name)}`),
          );
  return updates.andThen((more) =>
    inOrder([...statements, ...more], (sql) =>
      session
        .all(`EXPLAIN ${sql}`)
        .map((): string | undefined => undefined)
        .orElse((error) => okAsync<string | undefined, SqlError>(error.message)),
    ).map((problems) => problems.find((problem) => problem !== undefined)),
  );
}
