// The clauses that constraints of columns and of tables share: ON CONFLICT, REFERENCES, deferral.
import type { ConflictAction, Deferrability } from '../../../../core/schema/snapshot.js';
import type { TokenCursor } from './token-cursor.js';

const CONFLICT_ACTIONS: ReadonlyMap<string, ConflictAction> = new Map([
  ['ROLLBACK', 'rollback'],
  ['FAIL', 'fail'],
  ['IGNORE', 'ignore'],
  ['REPLACE', 'replace'],
]);

/** Takes an ON CONFLICT clause if one stands here; ABORT is what happens without one and counts as none. */
export function parseConflict(cursor: TokenCursor): { readonly onConflict?: ConflictAction } {
  if (!cursor.take('ON', 'CONFLICT')) return {};
  const onConflict = CONFLICT_ACTIONS.get(cursor.keyword());
  cursor.next();
  return onConflict === undefined ? {} : { onConflict };
}

/** Takes what follows REFERENCES up to its deferral: table, columns and actions, which the pragma tells better. */
export function parseReference(cursor: TokenCursor): void {
  cursor.next();
  cursor.takeParenthesis();
  for (;;) {
    if (cursor.take('MATCH')) cursor.next();
    else if (['DELETE', 'UPDATE', 'INSERT'].includes(cursor.keyword(1)) && cursor.take('ON')) {
      cursor.next();
      // CASCADE and RESTRICT are one word; SET NULL, SET DEFAULT and NO ACTION are two.
      if (cursor.take('SET') || cursor.take('NO')) cursor.next();
      else cursor.next();
    } else return;
  }
}

/** Takes a deferral clause if one stands here. */
export function parseDeferrability(cursor: TokenCursor): Deferrability | undefined {
  const not = cursor.take('NOT', 'DEFERRABLE');
  if (!not && !cursor.take('DEFERRABLE')) return undefined;
  const deferred = cursor.take('INITIALLY', 'DEFERRED');
  if (!deferred) cursor.take('INITIALLY', 'IMMEDIATE');
  return not ? 'not-deferrable' : deferred ? 'initially-deferred' : 'initially-immediate';
}
