// The example's own look at the database, past the engine: one connection a question.
import pg from 'pg';

/** The rows of one statement, or of the last of several. */
export async function query<T extends object>(url: string, sql: string, values?: readonly unknown[]): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<T>(sql, values === undefined ? undefined : [...values]);
    return rows;
  } finally {
    await client.end();
  }
}

/** Several statements, all of them or none. */
export async function run(url: string, sql: string): Promise<void> {
  await query(url, `BEGIN;\n${sql};\nCOMMIT`);
}

/** The first value of the first row. */
export async function value<T>(url: string, sql: string, values?: readonly unknown[]): Promise<T | undefined> {
  const [row] = await query<Record<string, T>>(url, sql, values);
  return row === undefined ? undefined : Object.values(row)[0];
}

/** For names that are made here, and nowhere else. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
