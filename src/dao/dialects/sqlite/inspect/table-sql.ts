// What a CREATE TABLE says and no pragma tells: checks, collations, conflict clauses, names of constraints, deferral, options.
import type { ConflictAction, Deferrability } from '../../../../core/schema/snapshot.js';
import { keywordOf, significant, unquote, type Token } from '../sql/token.js';
import { parseConflict, parseDeferrability, parseReference } from './constraint-sql.js';
import { splitAtCommas, TokenCursor } from './token-cursor.js';

export interface ParsedColumn {
  readonly name: string;
  readonly collation?: string;
  readonly notNullOnConflict?: ConflictAction;
  readonly generated?: { readonly storage: 'virtual' | 'stored'; readonly expression: readonly Token[] };
}

export interface ParsedKey {
  readonly name?: string;
  readonly columns: readonly string[];
  readonly onConflict?: ConflictAction;
}

/** A statement that SQLite has accepted, taken apart; all lists are in the order in which they are written. */
export interface ParsedTable {
  readonly columns: readonly ParsedColumn[];
  readonly primaryKey?: ParsedKey;
  readonly uniques: readonly ParsedKey[];
  readonly checks: readonly { readonly name?: string; readonly expression: readonly Token[] }[];
  readonly foreignKeys: readonly { readonly name?: string; readonly deferrable: Deferrability }[];
  readonly autoincrement: boolean;
  readonly withoutRowid: boolean;
  readonly strict: boolean;
}

type Draft = { -readonly [K in keyof ParsedTable]: ParsedTable[K] extends readonly (infer T)[] ? T[] : ParsedTable[K] };
type ColumnDraft = { -readonly [K in keyof ParsedColumn]: ParsedColumn[K] };

/** Takes apart the text that `sqlite_schema` holds for a table; what it does not know it steps over. */
export function parseCreateTable(sql: string): ParsedTable {
  const cursor = new TokenCursor(significant(sql));
  while (!cursor.done && !cursor.atOperator('(')) cursor.next();
  const body = new TokenCursor(cursor.takeParenthesis() ?? []);
  const draft: Draft = {
    columns: [],
    uniques: [],
    checks: [],
    foreignKeys: [],
    autoincrement: false,
    withoutRowid: false,
    strict: false,
  };
  while (!body.done) {
    // SQLite lets the comma between two table constraints be left out.
    if (TABLE_CONSTRAINTS.has(body.keyword())) tableConstraint(body, draft);
    else columnDefinition(body, draft);
    body.takeOperator(',');
  }
  for (; !cursor.done; cursor.takeOperator(',')) {
    if (cursor.take('WITHOUT', 'ROWID')) draft.withoutRowid = true;
    else if (cursor.take('STRICT')) draft.strict = true;
    else cursor.skip();
  }
  return draft;
}

const TABLE_CONSTRAINTS: ReadonlySet<string> = new Set(['CONSTRAINT', 'PRIMARY', 'UNIQUE', 'CHECK', 'FOREIGN']);

function columnDefinition(cursor: TokenCursor, draft: Draft): void {
  const first = cursor.next();
  const parsed: ColumnDraft = { name: first === undefined ? '' : unquote(first) };
  for (let name: string | undefined; !cursor.done && !cursor.atOperator(',');) {
    const constraint = takeName(cursor);
    if (constraint !== undefined) name = constraint;
    else if (columnConstraint(cursor, parsed, name === undefined ? {} : { name }, draft)) name = undefined;
    else cursor.skip();
  }
  draft.columns.push(parsed);
}

function takeName(cursor: TokenCursor): string | undefined {
  if (!cursor.take('CONSTRAINT')) return undefined;
  const token = cursor.next();
  return token === undefined ? '' : unquote(token);
}

function columnConstraint(
  cursor: TokenCursor,
  column: ColumnDraft,
  name: { readonly name?: string },
  draft: Draft,
): boolean {
  if (cursor.take('PRIMARY', 'KEY')) {
    if (!cursor.take('ASC')) cursor.take('DESC');
    draft.primaryKey = { ...name, columns: [column.name], ...parseConflict(cursor) };
    if (cursor.take('AUTOINCREMENT')) draft.autoincrement = true;
  } else if (cursor.take('UNIQUE')) {
    draft.uniques.push({ ...name, columns: [column.name], ...parseConflict(cursor) });
  } else if (cursor.take('NOT', 'NULL')) {
    const { onConflict } = parseConflict(cursor);
    if (onConflict === undefined) delete column.notNullOnConflict;
    else column.notNullOnConflict = onConflict;
  } else if (cursor.take('NULL')) {
    parseConflict(cursor);
  } else if (cursor.take('CHECK')) {
    check(cursor, name, draft);
  } else if (cursor.take('DEFAULT')) {
    // A sign and its number, a parenthesis, or one token that would else be taken for the start of a constraint.
    if (!cursor.takeOperator('-')) cursor.takeOperator('+');
    cursor.skip();
  } else if (cursor.take('COLLATE')) {
    const token = cursor.next();
    if (token !== undefined) column.collation = unquote(token);
  } else if (cursor.take('AS')) {
    const expression = cursor.takeParenthesis() ?? [];
    const storage = cursor.take('STORED') ? 'stored' : 'virtual';
    if (storage === 'virtual') cursor.take('VIRTUAL');
    column.generated = { storage, expression };
  } else if (cursor.take('REFERENCES')) {
    parseReference(cursor);
    draft.foreignKeys.push({ ...name, deferrable: parseDeferrability(cursor) ?? 'not-deferrable' });
  } else {
    return laterDeferral(cursor, draft);
  }
  return true;
}

/** Among a column's constraints the deferral may stand apart from its REFERENCES; it means the last one written. */
function laterDeferral(cursor: TokenCursor, draft: Draft): boolean {
  const deferrable = parseDeferrability(cursor);
  if (deferrable === undefined) return false;
  const last = draft.foreignKeys.pop();
  if (last !== undefined) draft.foreignKeys.push({ ...last, deferrable });
  return true;
}

function tableConstraint(cursor: TokenCursor, draft: Draft): void {
  const found = takeName(cursor);
  const name = found === undefined ? {} : { name: found };
  if (cursor.take('PRIMARY', 'KEY')) {
    const inside = cursor.takeParenthesis() ?? [];
    if (inside.some((token) => keywordOf(token) === 'AUTOINCREMENT')) draft.autoincrement = true;
    draft.primaryKey = { ...name, columns: termColumns(inside), ...parseConflict(cursor) };
  } else if (cursor.take('UNIQUE')) {
    const columns = termColumns(cursor.takeParenthesis() ?? []);
    draft.uniques.push({ ...name, columns, ...parseConflict(cursor) });
  } else if (cursor.take('CHECK')) {
    check(cursor, name, draft);
  } else if (cursor.take('FOREIGN', 'KEY')) {
    cursor.takeParenthesis();
    if (cursor.take('REFERENCES')) parseReference(cursor);
    draft.foreignKeys.push({ ...name, deferrable: parseDeferrability(cursor) ?? 'not-deferrable' });
  } else if (found === undefined) {
    cursor.skip();
  }
}

function check(cursor: TokenCursor, name: { readonly name?: string }, draft: Draft): void {
  draft.checks.push({ ...name, expression: cursor.takeParenthesis() ?? [] });
  parseConflict(cursor);
}

function termColumns(inside: readonly Token[]): readonly string[] {
  return splitAtCommas(inside).flatMap(([first]) => (first === undefined ? [] : [unquote(first)]));
}
