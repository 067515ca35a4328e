// Cuts SQL text into tokens where PostgreSQL's own scanner does (src/backend/parser/scan.l, and psqlscan.l for scripts),
// with standard_conforming_strings on, as it has been by default since 9.1.

/** One token: `text` is the input from `start` up to `end`, in UTF-16 units; `unterminated` says that the input ended inside it. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'parameter' | 'operator' | 'comment' | 'space';
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly unterminated?: true;
}

type Scanned = Pick<Token, 'kind' | 'end' | 'unterminated'>;

/** Every character of `sql` belongs to exactly one token: their texts joined give `sql` again. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  for (let start = 0; start < sql.length;) {
    const { kind, end, unterminated } = scan(sql, start);
    const token = { kind, text: sql.slice(start, end), start, end };
    tokens.push(unterminated ? { ...token, unterminated } : token);
    start = end;
  }
  return tokens;
}

/** Whether a token means nothing to the server: blanks and comments. */
export const isTrivia = (token: Token): boolean => token.kind === 'space' || token.kind === 'comment';

/** The bare word in upper case, by ASCII rules; '' for any other kind of token, or none. */
export const keywordOf = (token: Token | undefined): string =>
  token?.kind === 'word' ? token.text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()) : '';

const BYTE_ORDER_MARK = '\uFEFF';
const NAME_START = /[A-Za-z_\u0080-\uFFFF]/;
const NAME = /[A-Za-z0-9_$\u0080-\uFFFF]*/y;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uFFFF][A-Za-z0-9_\u0080-\uFFFF]*)?\$/y;
// A number's tail takes what letters follow it: `1abc` is refused by the server, as one.
const NUMBER =
  /(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:[0-9][0-9_]*)?(?:\.[0-9][0-9_]*|\.)?(?:[eE][+-]?[0-9_]+)?)[A-Za-z0-9_$\u0080-\uFFFF]*/y;

function scan(sql: string, start: number): Scanned {
  const [first, second] = [sql.charAt(start), sql.charAt(start + 1)];
  if (/[ \t\n\r\f\v]/.test(first)) return { kind: 'space', end: skip(/[ \t\n\r\f\v]+/y, sql, start) };
  if (first === BYTE_ORDER_MARK) return { kind: 'space', end: start + 1 };
  if (first === '-' && second === '-') return { kind: 'comment', end: skip(/[^\n\r]*/y, sql, start) };
  if (first === '/' && second === '*') return nestedComment(sql, start);
  if (first === "'") return quotedText('string', "'", sql, start + 1);
  if (first === '"') return quotedText('quoted', '"', sql, start + 1);
  if (first === '$') return dollar(sql, start);
  if (NAME_START.test(first)) return word(sql, start);
  if (/[0-9]/.test(first) || (first === '.' && /[0-9]/.test(second))) {
    return { kind: 'number', end: Math.max(start + 1, skip(NUMBER, sql, start)) };
  }
  return { kind: 'operator', end: start + 1 };
}

/** A prefix makes the string after it another one, if nothing stands between: `E'…'` has escapes. */
function word(sql: string, start: number): Scanned {
  const [first, second, third] = [sql.charAt(start), sql.charAt(start + 1), sql.charAt(start + 2)];
  if (/[eE]/.test(first) && second === "'") return escapedString(sql, start + 2);
  if (/[bBxXnN]/.test(first) && second === "'") return quotedText('string', "'", sql, start + 2);
  if (/[uU]/.test(first) && second === '&' && third === "'") return quotedText('string', "'", sql, start + 3);
  if (/[uU]/.test(first) && second === '&' && third === '"') return quotedText('quoted', '"', sql, start + 3);
  return { kind: 'word', end: skip(NAME, sql, start) };
}

/** Comments nest, unlike in most languages. */
function nestedComment(sql: string, start: number): Scanned {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start + 2;
  let depth = 1;
  for (let found = edge.exec(sql); found; found = edge.exec(sql)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return { kind: 'comment', end: edge.lastIndex };
  }
  return { kind: 'comment', end: sql.length, unterminated: true };
}

function quotedText(kind: 'string' | 'quoted', quote: string, sql: string, from: number): Scanned {
  for (let at = from; ;) {
    const close = sql.indexOf(quote, at);
    if (close < 0) return { kind, end: sql.length, unterminated: true };
    if (sql.charAt(close + 1) !== quote) return { kind, end: close + 1 };
    at = close + 2;
  }
}

function escapedString(sql: string, from: number): Scanned {
  for (let at = from; at < sql.length; at++) {
    const character = sql.charAt(at);
    if (character === '\\') at += 1;
    else if (character === "'" && sql.charAt(at + 1) === "'") at += 1;
    else if (character === "'") return { kind: 'string', end: at + 1 };
  }
  return { kind: 'string', end: sql.length, unterminated: true };
}

/** `$1` is a value, `$$ … $$` and `$tag$ … $tag$` are strings; a `$` by itself is nothing. */
function dollar(sql: string, start: number): Scanned {
  const parameter = skip(/\$[0-9]+/y, sql, start);
  if (parameter > start) return { kind: 'parameter', end: parameter };
  const open = skip(DOLLAR_QUOTE, sql, start);
  if (open === start) return { kind: 'operator', end: start + 1 };
  const quote = sql.slice(start, open);
  const close = sql.indexOf(quote, open);
  return close < 0
    ? { kind: 'string', end: sql.length, unterminated: true }
    : { kind: 'string', end: close + quote.length };
}

function skip(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : at;
}
