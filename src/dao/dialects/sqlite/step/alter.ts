// Whether an ALTER TABLE must run as SQLite's legacy_alter_table does it: a rebuild must not drag references along.
import { keywordOf, significant, unquote, type Token } from '../sql/token.js';
import { folded } from '../quote.js';

/** Names of this step that decide what a rename means. */
export interface RenameContext {
  /** Whether a table of this name, folded, was there when the step began or was dropped by it. */
  readonly isKnown: (table: string) => boolean;
  /** The statements that the step's script has still to run; empty for code. */
  readonly upcoming: readonly string[];
}

/**
 * `legacy` for both halves of a rebuild (renaming a new table onto an old name; renaming the old one out of the way
 * of a new one), where references must keep pointing at the name. `modern` for a real rename, where they must follow.
 * https://sqlite.org/lang_altertable.html#making_other_kinds_of_table_schema_changes
 */
export function alterMode(sql: string, context: RenameContext): 'legacy' | 'modern' {
  const rename = renameOf(sql);
  if (rename === undefined) return keywordOf(significant(sql)[0]) === 'ALTER' ? 'modern' : 'legacy';
  if (context.isKnown(rename.to)) return 'legacy';
  return context.upcoming.some((statement) => makes(statement, rename.from)) ? 'legacy' : 'modern';
}

/** The names of `ALTER TABLE a RENAME TO b`, folded; undefined for any other statement. */
export function renameOf(sql: string): { readonly from: string; readonly to: string } | undefined {
  const tokens = significant(sql);
  if (keywordOf(tokens[0]) !== 'ALTER' || keywordOf(tokens[1]) !== 'TABLE') return undefined;
  const at = tokens.findIndex(
    (token, index) => index > 2 && keywordOf(token) === 'RENAME' && keywordOf(tokens[index + 1]) === 'TO',
  );
  const [from, to] = [tokens[at - 1], tokens[at + 2]];
  if (at < 0 || from === undefined || to === undefined) return undefined;
  return { from: folded(unquote(from)), to: folded(unquote(to)) };
}

/** The names of `ALTER TABLE t RENAME COLUMN a TO b`, folded; undefined for any other statement. */
export function columnRenameOf(sql: string): ColumnRename | undefined {
  const tokens = significant(sql).filter((token) => token.text !== ';');
  if (keywordOf(tokens[0]) !== 'ALTER' || keywordOf(tokens[1]) !== 'TABLE') return undefined;
  const [from, to] = [tokens.at(-3), tokens.at(-1)];
  const before = keywordOf(tokens.at(-4)) === 'COLUMN' ? tokens.length - 5 : tokens.length - 4;
  const table = tokens[before - 1];
  const isRename = keywordOf(tokens[before]) === 'RENAME' && keywordOf(tokens.at(-2)) === 'TO';
  if (!isRename || before < 3 || table === undefined || from === undefined || to === undefined) return undefined;
  const [of, was, is] = [table, from, to].map((token) => folded(unquote(token)));
  return of === undefined || was === undefined || is === undefined ? undefined : { table: of, from: was, to: is };
}

/** A column's two names and its table's, folded. */
export interface ColumnRename {
  readonly table: string;
  readonly from: string;
  readonly to: string;
}

/** `known` after one more statement, which renames a table, a column or neither. */
export function columnsRenamed(
  known: readonly ColumnRename[],
  ofTable: { readonly from: string; readonly to: string } | undefined,
  ofColumn: ColumnRename | undefined,
): readonly ColumnRename[] {
  if (ofTable) return known.map((one) => (one.table === ofTable.from ? { ...one, table: ofTable.to } : one));
  if (!ofColumn) return known;
  const isSame = ({ table, to }: ColumnRename): boolean => table === ofColumn.table && to === ofColumn.from;
  const earlier = known.find(isSame);
  return [...known.filter((one) => !isSame(one)), { ...ofColumn, from: earlier?.from ?? ofColumn.from }];
}

/** Whether a statement creates the table `name`, or renames another one to it. */
function makes(sql: string, name: string): boolean {
  const tokens = significant(sql);
  if (renameOf(sql)?.to === name) return true;
  if (keywordOf(tokens[0]) !== 'CREATE') return false;
  const at = tokens.findIndex((token) => keywordOf(token) === 'TABLE');
  return (
    at > 0 &&
    at < 3 &&
    tokens.slice(at + 1, at + 7).some((token: Token) => isName(token) && folded(unquote(token)) === name)
  );
}

const isName = (token: Token): boolean => token.kind === 'word' || token.kind === 'quoted' || token.kind === 'string';
