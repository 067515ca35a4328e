// A connection of the application's own pool, as the DAOs use it: values arrive in forms that no type parser of the host changes.
import type { AppConnection, Answer } from '../../../app/flavour.js';
import { classify } from '../classify.js';

interface Client {
  query(
    config: {
      readonly text: string;
      readonly values: readonly unknown[];
      readonly types: { readonly getTypeParser: (oid: number) => (text: string) => unknown };
    },
    callback: (error: Error | null, result: Result) => void,
  ): void;
}
interface Result {
  readonly rows: Record<string, unknown>[];
  readonly rowCount: number | null;
}

/** `\x…`, or with `bytea_output = escape` letters as they are and `\ooo` for the others. */
function readBytes(text: string): Uint8Array {
  if (text.startsWith('\\x')) return new Uint8Array(Buffer.from(text.slice(2), 'hex'));
  const letters = text.replaceAll(/\\(\\|[0-7]{3})/g, (_, escaped: string) =>
    escaped === '\\' ? escaped : String.fromCodePoint(Number.parseInt(escaped, 8)),
  );
  return new Uint8Array(Buffer.from(letters, 'latin1'));
}

const asText = (text: string): unknown => text;
const PARSERS: ReadonlyMap<number, (text: string) => unknown> = new Map<number, (text: string) => unknown>([
  [16, (text) => text === 't'],
  [17, readBytes],
  // int2, int4, float4, float8
  ...[21, 23, 700, 701].map((oid) => [oid, Number] as const),
]);
const types = { getTypeParser: (oid: number) => PARSERS.get(oid) ?? asText };

/**
 * By callback, as knex asks: the driver's promises hold on to the rows of queries that are over, until the heap has grown
 * by some fifty megabytes.
 */
const asked = (client: Client, text: string, values: readonly unknown[]): Promise<Result> =>
  new Promise((resolve, reject) => {
    client.query({ text, values, types }, (error, result) => (error ? reject(error) : resolve(result)));
  });

/** The server says that it ends a connection before the connection is seen to end: the pool must not give it out again. */
async function wary<T>(client: Client, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    // As knex notes it for its pool.
    if (classify(thrown).kind === 'connection-lost') Object.assign(client, { __knex__disposed: thrown });
    throw thrown;
  }
}

const CONNECTIONS = new WeakMap<object, AppConnection>();

export function connectionOf(raw: unknown): AppConnection {
  const client = raw as Client;
  const known = CONNECTIONS.get(client) ?? {
    query: async (sql, values): Promise<Answer> => {
      const { rows, rowCount } = await wary(client, asked(client, sql, values));
      return { rows, changes: rowCount ?? 0 };
    },
    hosted: (work) => wary(client, work()),
  };
  CONNECTIONS.set(client, known);
  return known;
}
