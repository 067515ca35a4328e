// Expressions inside of CREATE TABLE and CREATE INDEX: their comparable text and the columns that they mention.
import { foldAscii } from '../../../../core/schema/names.js';
import { normaliseSql } from '../sql/normalise.js';
import { RESERVED_WORDS } from '../sql/keywords.js';
import { keywordOf, unquote, type Token } from '../sql/token.js';

const isOperator = (token: Token | undefined, text: string): boolean =>
  token?.kind === 'operator' && token.text === text;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * Comparable text of an expression over one table. A "double-quoted" word that names no column of the table is a
 * string to SQLite (https://sqlite.org/quirks.html#dblquote) and is written as one, as ALTER TABLE itself does.
 */
export function comparableExpression(tokens: readonly Token[], columns: ReadonlySet<string>): string {
  const texts = tokens.map((token, at) => {
    if (token.kind !== 'quoted' || !token.text.startsWith('"')) return token.text;
    const qualifies = isOperator(tokens[at + 1], '.') || isOperator(tokens[at - 1], '.');
    const isName = qualifies || isOperator(tokens[at + 1], '(') || keywordOf(tokens[at - 1]) === 'COLLATE';
    return isName || columns.has(foldAscii(unquote(token))) ? token.text : literal(unquote(token));
  });
  return normaliseSql(texts.join(' '));
}

/** Comparable text of a DEFAULT as `PRAGMA table_xinfo` gives it: there a lone word that is no constant is a string. */
export function comparableDefault(tokens: readonly Token[]): string {
  const [only, ...more] = tokens;
  if (only === undefined || more.length > 0) return comparableExpression(tokens, NO_COLUMNS);
  if (only.kind === 'word') return CONSTANTS.has(keywordOf(only)) ? foldAscii(only.text) : literal(only.text);
  return only.kind === 'quoted' ? literal(unquote(only)) : only.text;
}

const CONSTANTS: ReadonlySet<string> = new Set([
  'NULL',
  'TRUE',
  'FALSE',
  'CURRENT_DATE',
  'CURRENT_TIME',
  'CURRENT_TIMESTAMP',
]);
const NO_COLUMNS: ReadonlySet<string> = new Set();

/** The columns, of those given and in their order, that an expression may mention; one too many rather than one too few. */
export function mentionedColumns(tokens: readonly Token[], columns: readonly string[]): readonly string[] {
  const mentioned = new Set<string>();
  for (const [at, token] of tokens.entries()) {
    const named = token.kind === 'quoted' || (token.kind === 'word' && !RESERVED_WORDS.has(keywordOf(token)));
    if (named && !isOperator(tokens[at + 1], '(')) mentioned.add(foldAscii(unquote(token)));
  }
  return columns.filter((column) => mentioned.has(foldAscii(column)));
}
