// What PostgreSQL says of a DAO's statement, in the DAO's words. Pure.
import { unfitting, type DatabaseError, type InvalidRow, type Violation } from '../../../dao-error.js';
import { classify } from '../classify.js';

// https://www.postgresql.org/docs/current/errcodes-appendix.html, class 23
const VIOLATIONS: ReadonlyMap<string, Violation['kind']> = new Map([
  ['23505', 'unique-violation'],
  ['23P01', 'unique-violation'],
  ['23503', 'foreign-key-violation'],
  ['23001', 'foreign-key-violation'],
  ['23514', 'check-violation'],
  ['23502', 'not-null-violation'],
]);

interface Thrown {
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
  readonly detail?: string;
}

export function classifyCall(
  thrown: unknown,
  table: string,
  during: 'read' | 'write',
): DatabaseError | InvalidRow | Violation {
  const { kind, code, message, cause } = classify(thrown);
  const violated = VIOLATIONS.get(code);
  if (violated !== undefined) return violation(violated, thrown ?? {}, table, message);
  // Data exceptions: out of range, too long, a character that the encoding has not.
  if (code.startsWith('22')) return unfitting(table, message);
  if (code === '40P01') return { kind: 'deadlock', message };
  if (code === '40001') return { kind: 'serialization-failure', message };
  switch (kind) {
    case 'busy':
      return { kind: 'busy', message };
    case 'read-only':
      return { kind: 'read-only', message };
    case 'connection-lost':
      return { kind: 'connection-lost', uncertain: during === 'write', message };
    case 'unreachable':
      // Nothing was sent.
      return { kind: 'connection-lost', uncertain: false, message };
    default:
      return { kind: 'failed', code, message, cause };
  }
}

function violation(kind: Violation['kind'], thrown: Thrown, table: string, message: string): Violation {
  // `Key (a, b)=(1, 2) already exists.`
  const key = /^Key \((.*?)\)=\(/s.exec(thrown.detail ?? '')?.[1];
  const columns = thrown.column === undefined ? (key?.split(', ').map(unquoted) ?? []) : [thrown.column];
  return {
    kind,
    table: thrown.table ?? table,
    columns,
    ...(thrown.constraint === undefined ? {} : { constraint: thrown.constraint }),
    message,
  };
}

const unquoted = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);
