// PostgreSQL's own parser (libpg_query, compiled to WebAssembly), loaded when the first script has to be judged and not before.
import type { Node } from 'libpg-query';

export type { Node };

/** The statements of a text, as raw parse trees; undefined where this parser does not know the syntax: a newer server may. */
export type Parse = (sql: string) => readonly Node[] | undefined;

/** The tree of one statement takes some fifty times its length: what is longer is data, and judged by its first words. */
const LONGEST = 200_000;

let loading: Promise<Parse | undefined> | undefined;

/** Undefined where it cannot be loaded (a bundle that left the .wasm file out): statements are then judged by their words. */
export function loadParser(): Promise<Parse | undefined> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Parse | undefined> {
  try {
    const { loadModule, parseSync } = await import('libpg-query');
    await loadModule();
    return (sql) => {
      if (sql.length > LONGEST) return undefined;
      try {
        return (parseSync(sql).stmts ?? []).flatMap(({ stmt }) => stmt ?? []);
      } catch {
        // No statement of this parser's version, or nested too deeply for its stack.
        return undefined;
      }
    };
  } catch {
    return undefined;
  }
}
