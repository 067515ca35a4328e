// What SQLite says of a DAO's statement, in the DAO's words. Pure.
import { unfitting, type DatabaseError, type InvalidRow, type Violation } from '../../../dao-error.js';
import { classify } from '../classify.js';

const VIOLATIONS: readonly (readonly [prefix: string, kind: Violation['kind']])[] = [
  ['UNIQUE constraint failed', 'unique-violation'],
  ['FOREIGN KEY constraint failed', 'foreign-key-violation'],
  ['CHECK constraint failed', 'check-violation'],
  ['NOT NULL constraint failed', 'not-null-violation'],
];

/** `cannot store TEXT value in INTEGER column t.a` of a strict table; `datatype mismatch` of a rowid; `string or blob too big`. */
const UNFIT = /^cannot store \w+ value in |^datatype mismatch$|^string or blob too big$/;

export function classifyCall(thrown: unknown, table: string): DatabaseError | InvalidRow | Violation {
  const { kind, code, message, cause } = classify(thrown);
  if (UNFIT.test(message)) return unfitting(table, message);
  switch (kind) {
    case 'constraint':
      return violation(message, table) ?? { kind: 'failed', code, message, cause };
    case 'busy':
      return { kind: 'busy', message: `another connection holds the database's lock: ${message}` };
    case 'read-only':
      return { kind: 'read-only', message };
    default:
      return { kind: 'failed', code, message, cause };
  }
}

/** `UNIQUE constraint failed: t.a, t.b`, `index 'name'` where it is of an expression; `CHECK constraint failed: name`. */
function violation(message: string, table: string): Violation | undefined {
  const [, kind] = VIOLATIONS.find(([prefix]) => message.startsWith(prefix)) ?? [];
  if (kind === undefined) return undefined;
  const colon = message.indexOf(': ');
  const told = colon < 0 ? '' : message.slice(colon + 2);
  const index = /^index '(.*)'$/s.exec(told)?.[1];
  const constraint = kind === 'check-violation' ? told : index;
  const ofColumns = (kind === 'unique-violation' && index === undefined) || kind === 'not-null-violation';
  const names = ofColumns ? told.split(', ') : [];
  const owner = names[0]?.slice(0, names[0].lastIndexOf('.'));
  return {
    kind,
    table: owner ?? table,
    columns: names.map((name) => name.slice(name.lastIndexOf('.') + 1)),
    ...(constraint === undefined || constraint === '' ? {} : { constraint }),
    message,
  };
}
