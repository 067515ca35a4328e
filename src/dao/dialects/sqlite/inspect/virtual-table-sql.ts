// What CREATE VIRTUAL TABLE says: the module and its arguments, in the module's own language.
import { significant, unquote, type Token } from '../sql/token.js';
import { splitAtCommas, TokenCursor } from './token-cursor.js';

export interface ParsedVirtualTable {
  readonly name: string;
  /** As written, with comments and blanks between tokens as one blank: only the module knows what else is the same. */
  readonly args: readonly string[];
}

/** Takes apart the text of a virtual table; undefined for the text of any other table. */
export function parseCreateVirtualTable(sql: string): ParsedVirtualTable | undefined {
  const cursor = new TokenCursor(significant(sql));
  if (!cursor.take('CREATE', 'VIRTUAL', 'TABLE')) return undefined;
  while (!cursor.done && !cursor.take('USING')) cursor.next();
  const module = cursor.next();
  const args = splitAtCommas(cursor.takeParenthesis() ?? []).map(spelled);
  return { name: module === undefined ? '' : unquote(module), args };
}

function spelled(tokens: readonly Token[]): string {
  return tokens
    .map((token, at) => (at > 0 && tokens[at - 1]?.end !== token.start ? ` ${token.text}` : token.text))
    .join('');
}
