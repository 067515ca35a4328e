// The engine's own statements have `?` for a value; PostgreSQL wants `$1`.

/** Numbers the placeholders; the statements are the engine's, and have no `?` in a text or a name. */
export function numbered(sql: string, count: number): string {
  if (count === 0) return sql;
  let at = 0;
  const text = sql.replaceAll('?', () => `$${++at}`);
  if (at !== count) throw new Error(`a statement of the engine has ${at} placeholders for ${count} values: ${sql}`);
  return text;
}
