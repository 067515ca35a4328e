// Tells which statements of a step would change the engine's own tables: the journal is written by nobody but the engine.
import { asciiLower } from '../sql/token.js';
import { namesIn, type StatementFacts } from '../sql/statement.js';

const OWN = 'migrate_safe_';

/** Every name that begins so is the engine's. */
export const isOwn = (name: string): boolean => asciiLower(name).startsWith(OWN);

/** What the statement itself names; what it writes to is known from the trace. Reading the journal is free. */
export function changesOwnObjects(sql: string, facts: StatementFacts): boolean {
  if (!facts.isSchemaChange) return false;
  const [made] = facts.creates;
  if (made !== undefined && (made.type === 'table' || made.type === 'view')) return isOwn(made.name);
  return namesIn(sql).some(isOwn);
}
