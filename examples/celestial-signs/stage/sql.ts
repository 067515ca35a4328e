// The example's own look at the database, past the engine: one connection a question.
import pg from 'pg';

/** Works on a connection, and ends it. */
export async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  // A server that goes away fails the statement that is under way; nobody has to hear of it twice.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The rows of one statement, or of the last of several. */
export async function query<T extends object>(url: string, sql: string, values?: readonly unknown[]): Promise<T[]> {
  return connected(url, async (client) => {
    const { rows } = await client.query<T>(sql, values === undefined ? undefined : [...values]);
    return rows;
  });
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
