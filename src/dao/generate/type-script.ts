// Names and literals of TypeScript, written as a formatter leaves them: single quotes, quotes on keys where they need some.

/** The line that a formatter breaks. */
export const WIDTH = 120;
const LONGEST_NAME = 40;

/** In the quotes that need fewer escapes. */
export function literal(text: string): string {
  const mark = text.split("'").length > text.split('"').length ? '"' : "'";
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return `${mark}${inner.replaceAll(mark, `\\${mark}`)}${mark}`;
}

const PLAIN = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
/** Without brackets, `__proto__` would be no member. */
export const key = (name: string): string =>
  name === '__proto__' ? `['__proto__']` : PLAIN.test(name) ? name : literal(name);
export const member = (name: string): string => (PLAIN.test(name) ? `.${name}` : `[${literal(name)}]`);

/** Between characters, not within one. */
const cut = (name: string): string => [...name].slice(0, LONGEST_NAME).join('');

const wordsOf = (name: string): readonly string[] =>
  name
    .normalize('NFC')
    .replaceAll(/(\p{Ll}|\p{Nd})(\p{Lu})/gu, '$1 $2')
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .split(/[^\p{ID_Start}\p{Nd}]+/u)
    .filter((word) => word !== '');

/** `order_lines` -> `OrderLines`; what would be no name, or another thing's, gets a `Table` in front. */
export function typeName(table: string): string {
  const name = cut(
    wordsOf(table)
      .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
      .join(''),
  );
  return /^\p{ID_Start}/u.test(name) && !TAKEN.has(name) ? name : `Table${name}`;
}
const TAKEN = new Set(['Dao', 'AppDatabase', 'Date', 'Uint8Array', 'JSON', 'Object', 'Symbol']);

/** `OrderLines` -> `order-lines`. */
export const fileName = (table: string): string =>
  cut(
    wordsOf(table)
      .map((word) => word.toLowerCase())
      .join('-'),
  ) || 'table';

/** `before[…]after`, on one line if it fits. */
export function list(before: string, items: readonly string[], after: string): string {
  const line = `${before}[${items.join(', ')}]${after}`;
  if (line.length <= WIDTH) return line;
  const indent = /^ */.exec(before)?.[0] ?? '';
  return `${before}[\n${items.map((item) => `${indent}  ${item},\n`).join('')}${indent}]${after}`;
}
