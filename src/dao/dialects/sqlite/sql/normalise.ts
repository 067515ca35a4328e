// Brings a statement into one spelling, so that two texts of the same statement compare equal and others do not.
import { CONSTANT_WORDS, RESERVED_WORDS } from './keywords.js';
import { asciiLower, asciiUpper, keywordOf, significant, unquote, type Token } from './token.js';

/**
 * The comparable text of `sql`: no comments, no final semicolon, one blank between tokens and none at `( ) , ; .`; words
 * and quoted identifiers in lower case (ASCII, as SQLite compares them) and bare; literals as they are. A quoted name
 * stays quoted (as "…") where the bare word would mean something else. A double-quoted text that SQLite reads as a string
 * for want of such a column is folded like a name, except after DEFAULT, where it cannot be one.
 */
export function normaliseSql(sql: string): string {
  const tokens = significant(sql);
  const end = tokens.findLastIndex((token) => token.text !== ';') + 1;
  let text = '';
  let before: Token | undefined;
  for (const token of tokens.slice(0, end)) {
    if (before && !touches(before, token)) text += ' ';
    text += spelled(token, keywordOf(before) === 'DEFAULT');
    before = token;
  }
  return text;
}

function spelled(token: Token, isDefault: boolean): string {
  if (token.kind === 'word') return asciiLower(token.text);
  if (token.kind !== 'quoted' || token.unterminated) return token.text;
  if (isDefault) return doubleQuoted(unquote(token));
  const name = asciiLower(unquote(token));
  return isPlainName(name) ? name : doubleQuoted(name);
}

function isPlainName(name: string): boolean {
  const word = asciiUpper(name);
  return (
    /^[a-z_\u0080-\uFEFE\uFF00-\uFFFF][a-z0-9_$\u0080-\uFFFF]*$/.test(name) &&
    !RESERVED_WORDS.has(word) &&
    !CONSTANT_WORDS.has(word)
  );
}

function doubleQuoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

// Other operators keep their blanks: `- -1` must not become a comment, nor `< >` another operator.
function touches(left: Token, right: Token): boolean {
  if (left.kind === 'operator' && left.text === '.') return isNameLike(right);
  if (right.kind === 'operator' && right.text === '.') return isNameLike(left);
  // `$a (` would become the Tcl variable `$a(…`.
  if (left.kind === 'parameter') return isTight(right) && right.text !== '(' && !left.text.includes('(');
  return isTight(left) || isTight(right);
}

function isTight(token: Token): boolean {
  return token.kind === 'operator' && /^[(),;]$/.test(token.text);
}

function isNameLike(token: Token): boolean {
  return token.kind === 'word' || token.kind === 'quoted' || token.kind === 'string';
}
