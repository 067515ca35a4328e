// What one statement can write, read off the program that SQLite makes of it. https://sqlite.org/opcode.html
import { folded } from '../quote.js';
import { namesIn, type StatementFacts } from '../sql/statement.js';

export interface Program {
  /** Folded names of the tables that it opens for writing, through triggers and foreign key actions too. */
  readonly tables: readonly string[];
  /** It adds rows to its one table, and does nothing else. */
  readonly onlyInserts: boolean;
  /** It writes to a virtual table: which one is known by name only. */
  readonly writesVirtual: boolean;
}

/** What the statement meets: the tables that b-trees belong to, and those that replace rows by themselves (undefined: unknown). */
export interface Surroundings {
  readonly owners: ReadonlyMap<number, string>;
  readonly replacing: ReadonlySet<string> | undefined;
}

export const REPLACE = /\breplace\b/i;
const UPDATE = /\bupdate\b/i;
/** Such an insert gives rows, and with them no number of changes. */
export const RETURNING = /\breturning\b/i;

// A P2 that names a register (P5 has 0x10) is a b-tree made by the statement itself.
const P2_IS_REGISTER = 0x10;
const VIRTUAL: ReadonlySet<unknown> = new Set(['VUpdate', 'VDestroy', 'VRename']);
// An update deletes and inserts, a trigger or a foreign key action is a program of its own.
const MORE_THAN_INSERTS: ReadonlySet<unknown> = new Set([
  'Delete',
  'IdxDelete',
  'Clear',
  'Destroy',
  'Program',
  'VUpdate',
]);

/** Reads the rows that EXPLAIN gives for `sql`. */
export function readProgram(
  rows: readonly Readonly<Record<string, unknown>>[],
  { owners, replacing }: Surroundings,
  sql: string,
  facts: StatementFacts,
): Program {
  const writesVirtual = rows.some(({ opcode }) => VIRTUAL.has(opcode));
  const roots = rows.map(writtenRoot).flatMap((root) => owners.get(root) ?? []);
  const tables = [...new Set([...roots, ...(writesVirtual ? namesIn(sql).map(folded) : [])])];
  const [table] = tables;
  const onlyInserts =
    facts.verb === 'INSERT' &&
    tables.length === 1 &&
    table !== undefined &&
    replacing !== undefined &&
    !replacing.has(table) &&
    !REPLACE.test(sql) &&
    // An upsert that updates may need no opcode but those of an insert.
    !UPDATE.test(sql) &&
    !RETURNING.test(sql) &&
    !rows.some(({ opcode }) => MORE_THAN_INSERTS.has(opcode));
  return { tables, onlyInserts, writesVirtual };
}

/** The root page of the b-tree that an instruction opens for writing or empties; 0 for any other. */
function writtenRoot({ opcode, p1, p2, p3, p5 }: Readonly<Record<string, unknown>>): number {
  switch (opcode) {
    case 'OpenWrite':
      return p3 === 0 && (Number(p5) & P2_IS_REGISTER) === 0 ? Number(p2) : 0;
    case 'Clear':
      return p2 === 0 ? Number(p1) : 0;
    case 'Destroy':
      return p3 === 0 ? Number(p1) : 0;
    default:
      return 0;
  }
}
