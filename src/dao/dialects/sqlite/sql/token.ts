// Cuts SQL text into tokens exactly where SQLite's own tokenizer does (https://sqlite.org/src/file/src/tokenize.c),
// so that whatever is decided from the tokens is decided about the statement that SQLite will run.

/** One token: `text` is the input from `start` up to `end`, in UTF-16 units; `unterminated` says that the input ended inside it. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'blob' | 'number' | 'parameter' | 'operator' | 'comment' | 'space';
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly unterminated?: true;
}

interface Scanned {
  readonly kind: Token['kind'];
  readonly end: number;
  readonly unterminated?: true;
}

const BYTE_ORDER_MARK = '\uFEFF';
const OPERATORS: ReadonlySet<string> = new Set(['||', '->', '<=', '<>', '<<', '>=', '>>', '!=', '==']);

/**
 * Every character of `sql` belongs to exactly one token: their texts joined give `sql` again. What SQLite calls an
 * illegal token is an `operator` (one character), or keeps the kind that it begins like (`1abc` is a `number`).
 */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  for (let start = 0; start < sql.length;) {
    const { end, kind, unterminated } = scan(sql, start);
    const token = { kind, text: sql.slice(start, end), start, end };
    tokens.push(unterminated ? { ...token, unterminated } : token);
    start = end;
  }
  return tokens;
}

/** Says whether a token means nothing to SQLite: white space and comments. */
export const isTrivia = (token: Token): boolean => token.kind === 'space' || token.kind === 'comment';

/** The tokens of `sql` that mean something: no white space and no comments. */
export function significant(sql: string): Token[] {
  return tokenize(sql).filter((token) => !isTrivia(token));
}

/** The name that a word or a quoted identifier stands for, or the value of a string; any other token's text as it is. */
export function unquote(token: Token): string {
  if (token.kind !== 'quoted' && token.kind !== 'string') return token.text;
  const inner = token.text.slice(1, token.unterminated ? undefined : -1);
  const quote = token.text.charAt(0);
  return quote === '[' ? inner : inner.replaceAll(quote + quote, quote);
}

/** The bare word in upper case, by ASCII rules as SQLite compares keywords; '' for any other kind of token, or none. */
export function keywordOf(token: Token | undefined): string {
  return token?.kind === 'word' ? asciiUpper(token.text) : '';
}

const BEYOND_ASCII = /[^\0-\x7f]/;

/** Upper case of the letters a to z only: SQLite does not fold any other letter in names and keywords. */
export function asciiUpper(text: string): string {
  return BEYOND_ASCII.test(text) ? text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()) : text.toUpperCase();
}

/** Lower case of the letters A to Z only: two names are the same to SQLite exactly if this makes them equal. */
export function asciiLower(text: string): string {
  return BEYOND_ASCII.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text.toLowerCase();
}

function scan(sql: string, start: number): Scanned {
  const first = sql.charAt(start);
  const second = sql.charAt(start + 1);
  if (/[ \t\n\f\r]/.test(first)) return { kind: 'space', end: skip(/[ \t\n\v\f\r]*/y, sql, start) };
  if (first === BYTE_ORDER_MARK) return { kind: 'space', end: start + 1 };
  if (first === '-' && second === '-') return { kind: 'comment', end: skip(/[^\n]*/y, sql, start) };
  if (first === '/' && second === '*' && start + 2 < sql.length) return blockComment(sql, start);
  if (first === "'") return quotedText('string', sql, start);
  if (first === '"' || first === '`') return quotedText('quoted', sql, start);
  if (first === '[') return upTo(']', 'quoted', sql, start + 1);
  if ((first === 'x' || first === 'X') && second === "'") return upTo("'", 'blob', sql, start + 2);
  if (/[0-9]/.test(first) || (first === '.' && /[0-9]/.test(second))) return number(sql, start);
  if (first === '?') return { kind: 'parameter', end: skip(/[0-9]*/y, sql, start + 1) };
  if (/[$@:#]/.test(first)) return namedParameter(sql, start);
  if (isNameCharacter(sql, start)) return { kind: 'word', end: skipName(sql, start) };
  return operator(sql, start);
}

function blockComment(sql: string, start: number): Scanned {
  const close = sql.indexOf('*/', start + 2);
  return close < 0 ? { kind: 'comment', end: sql.length, unterminated: true } : { kind: 'comment', end: close + 2 };
}

// Searching by indexOf, because a pattern such as ('[^']|'')* needs a stack as deep as the string is long.
function quotedText(kind: 'string' | 'quoted', sql: string, start: number): Scanned {
  const quote = sql.charAt(start);
  for (let from = start + 1; ;) {
    const close = sql.indexOf(quote, from);
    if (close < 0) return { kind, end: sql.length, unterminated: true };
    if (sql.charAt(close + 1) !== quote) return { kind, end: close + 1 };
    from = close + 2;
  }
}

function upTo(close: string, kind: 'quoted' | 'blob', sql: string, from: number): Scanned {
  const found = sql.indexOf(close, from);
  return found < 0 ? { kind, end: sql.length, unterminated: true } : { kind, end: found + 1 };
}

function number(sql: string, start: number): Scanned {
  const hexadecimal = skip(/0[xX][0-9a-fA-F][0-9a-fA-F_]*/y, sql, start);
  const end = hexadecimal > start ? hexadecimal : skip(/[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9][0-9_]*)?/y, sql, start);
  // SQLite takes the letters that follow a number into the same (illegal) token.
  return { kind: 'number', end: skipName(sql, end) };
}

// `$a::b(c)` is the spelling of a Tcl variable; the parenthesis holds anything but white space.
function namedParameter(sql: string, start: number): Scanned {
  let named = false;
  let at = start + 1;
  for (; at < sql.length;) {
    if (isNameCharacter(sql, at)) {
      named = true;
      at = skipName(sql, at);
    } else if (sql.startsWith('::', at)) {
      at += 2;
    } else if (named && sql.charAt(at) === '(') {
      at = skip(/[^) \t\n\v\f\r]*\)?/y, sql, at);
      break;
    } else break;
  }
  return { kind: named ? 'parameter' : 'operator', end: at };
}

function operator(sql: string, start: number): Scanned {
  if (sql.startsWith('->>', start)) return { kind: 'operator', end: start + 3 };
  return { kind: 'operator', end: start + (OPERATORS.has(sql.slice(start, start + 2)) ? 2 : 1) };
}

// A name may hold ASCII letters and digits, `_`, `$`, and every character beyond ASCII.
const NAME_CHARACTERS = /[A-Za-z0-9_$\u0080-\uFFFF]*/y;

function isNameCharacter(sql: string, at: number): boolean {
  return skipName(sql, at) > at;
}

function skipName(sql: string, at: number): number {
  return skip(NAME_CHARACTERS, sql, at);
}

function skip(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : at;
}
