// Which of the engine's own statements the server has prepared. A step can take them away, and put others in their place.
import type { Client, QueryResult, QueryResultRow } from 'pg';

/** What a connection is told of its prepared statements along with another answer. */
export interface Stocked {
  readonly prepared: readonly Prepared[];
}
/** A statement's name, and whether SQL's own PREPARE made it. */
type Prepared = readonly [name: string, bySql: boolean];

const PREFIX = 'migrate_safe_';
/** invalid_sql_statement_name: what was prepared is not there any more. */
const NOT_PREPARED = '26000';

/** The last column of a statement that asks what is prepared too. */
export const PREPARED = `(SELECT pg_catalog.json_agg(pg_catalog.json_build_array(name, from_sql)) FROM pg_catalog.pg_prepared_statements) AS prepared`;

/** The names under which the engine's statements are prepared on one connection. In doubt they go without. */
export class PreparedStatements {
  /** Other names each time: the driver never sends one again that it believes to be known. */
  #generation = 1;
  readonly #known = new Set<string>();
  #isSure = true;
  /** Before the statement of somebody else's that was sent last. */
  #wasSure = true;
  /** As whom names are looked up at present: the server plans anew what it had planned for another search path. */
  place: 'engine' | 'step' = 'engine';

  /** Asks under the name of `key`, where it is certain what is there by that name. */
  async ask<R extends QueryResultRow>(
    client: Client,
    key: string,
    question: { readonly text: string; readonly values: unknown[] },
  ): Promise<QueryResult<R>> {
    if (!this.#isSure) return client.query<R>(question);
    const name = this.#called(key);
    this.#known.add(name);
    try {
      return await client.query<R>({ ...question, name });
    } catch (thrown) {
      if ((thrown as { readonly code?: unknown }).code === NOT_PREPARED) this.#forget();
      throw thrown;
    }
  }

  /** The name that `key` is certain to be prepared under. */
  nameOf(key: string): string | undefined {
    const name = this.#called(key);
    return this.#isSure && this.#known.has(name) ? name : undefined;
  }

  /** Somebody else's statement is sent: whatever it does may reach what is prepared. */
  doubt(): void {
    this.#wasSure = this.#isSure;
    this.#isSure = false;
  }

  /** What was sent last cannot have. */
  trust(): void {
    this.#isSure = this.#wasSure;
  }

  /** Sure again, by what the last of several statements told; gives its row. */
  learn<R extends object>(done: unknown): R & Stocked {
    // The driver gives as many results as there are statements.
    const last = (done as readonly QueryResult<R & Partial<Stocked>>[]).at(-1)?.rows[0];
    const prepared = last?.prepared ?? [];
    const there = new Set(prepared.filter(([, bySql]) => !bySql).map(([name]) => name));
    if ([...this.#known].some((name) => !there.has(name))) this.#forget();
    this.#isSure = !prepared.some(([name, bySql]) => bySql && name.startsWith(PREFIX));
    return { ...(last as R), prepared };
  }

  #called(key: string): string {
    return `${PREFIX}${key}_${this.place}_${this.#generation}`;
  }

  #forget(): void {
    this.#generation += 1;
    this.#known.clear();
  }
}
