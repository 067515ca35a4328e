// A connection of the application's own pool, as the DAOs use it: values arrive in forms that no type parser of the host changes.
import type { AppConnection, Answer } from '../../../app/flavour.js';

interface Client {
  query(config: {
    readonly text: string;
    readonly values: readonly unknown[];
    readonly types: { readonly getTypeParser: (oid: number) => (text: string) => unknown };
  }): Promise<{ readonly rows: Record<string, unknown>[]; readonly rowCount: number | null }>;
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

const CONNECTIONS = new WeakMap<object, AppConnection>();

export function connectionOf(raw: unknown): AppConnection {
  const client = raw as Client;
  const known = CONNECTIONS.get(client) ?? {
    query: async (sql, values): Promise<Answer> => {
      const { rows, rowCount } = await client.query({ text: sql, values, types });
      return { rows, changes: rowCount ?? 0 };
    },
  };
  CONNECTIONS.set(client, known);
  return known;
}
