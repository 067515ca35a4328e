// Checks foreign keys against a baseline: what was broken before the step stays out of its account.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import type { ForeignKeyFinding } from '../../../../core/ports/step-transaction.js';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { folded } from '../quote.js';

interface Violation {
  readonly rowid: number | null;
  readonly parent: string;
  readonly fkid: number;
}

const KEYS_SHOWN = 5;

/** New violations in `children`; `before` is asked for only where there are any, under the names of then. */
export function newViolations(
  after: Session,
  children: readonly string[],
  before: () => ResultAsync<Session, SqlError>,
  nameBefore: (table: string) => string | undefined,
): ResultAsync<readonly ForeignKeyFinding[], SqlError> {
  return inOrder(children, (table) =>
    violationsOf(after, table).andThen((now) => {
      if (now.length === 0) return okAsync<readonly ForeignKeyFinding[], SqlError>([]);
      const then = nameBefore(table);
      // A table that the step made had nothing broken before.
      if (then === undefined) return okAsync(added(table, now, [], nameBefore));
      return before()
        .andThen((session) => violationsOf(session, then))
        .map((earlier) => added(table, now, earlier, nameBefore));
    }),
  ).map((found) => found.flat());
}

/** A mismatch (the parent has no such unique key) is an error of the check: it counts as one violation without a row. */
function violationsOf(session: Session, table: string): ResultAsync<readonly Violation[], SqlError> {
  return session
    .all<Violation>(`SELECT rowid, parent, fkid FROM pragma_foreign_key_check(?)`, [table])
    .orElse((error) =>
      error.message.includes('foreign key mismatch')
        ? okAsync([{ rowid: null, parent: error.message.replace(/^.*referencing /, ''), fkid: -1 }])
        : errAsync(error),
    );
}

function added(
  table: string,
  now: readonly Violation[],
  earlier: readonly Violation[],
  nameBefore: (table: string) => string | undefined,
): readonly ForeignKeyFinding[] {
  const key = (v: Violation, parent = v.parent): string => `${folded(parent)}/${v.fkid}/${v.rowid ?? ''}`;
  const keyBefore = (v: Violation): string => key(v, nameBefore(v.parent));
  // Rows of a WITHOUT ROWID table carry no number: there, as many as before are taken for those of before.
  const budget = new Map<string, number>();
  for (const v of earlier) budget.set(key(v), (budget.get(key(v)) ?? 0) + 1);
  const fresh = now.filter((v) => {
    const left = budget.get(keyBefore(v)) ?? 0;
    budget.set(keyBefore(v), left - 1);
    return left <= 0;
  });
  const parents = [...new Set(fresh.map((v) => v.parent))];
  return parents.map((parent) => {
    const rows = fresh.filter((v) => v.parent === parent);
    const keys = rows.flatMap((v) => (v.rowid === null ? [] : [String(v.rowid)])).slice(0, KEYS_SHOWN);
    return { table, parent, rows: rows.length, keys };
  });
}
