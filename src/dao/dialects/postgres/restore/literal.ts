// Values as they stand in the text of a statement, for a program that takes no parameters. Pure.
import type { SqlValue } from '../../../../core/ports/session.js';

/** Correct where `standard_conforming_strings` is on; a text without NUL, which PostgreSQL has not. */
export const textLiteral = (text: string): string => `'${text.replaceAll(`'`, `''`)}'`;

function literal(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return textLiteral(value);
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return `'\\x${Buffer.from(value).toString('hex')}'::bytea`;
}

/** Puts the values in the place of `?`; the statements are the engine's, and have no `?` in a text or a name. */
export function inlined(sql: string, params: readonly SqlValue[]): string {
  if (params.length === 0) return sql;
  const parts = sql.split('?');
  if (parts.length !== params.length + 1)
    throw new Error(
      `a statement of the engine has ${parts.length - 1} placeholders for ${params.length} values: ${sql}`,
    );
  return parts.map((part, at) => (at < params.length ? `${part}${literal(params[at] ?? null)}` : part)).join('');
}
