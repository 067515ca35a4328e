// CREATE INDEX CONCURRENTLY: what an earlier try left is taken away, what is there already is compared, what was made is proven.
import { err, type Result } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import { sqlName } from '../../name.js';
import type { OutsideAction } from '../../sql/facts.js';
import {
  done,
  inTries,
  plainly,
  refusal,
  resolve,
  type OutsideContext,
  type OutsideDone,
  type Resolved,
} from './context.js';
import { expectedDefinition, withoutIfNotExists } from './expected-index.js';
import { dropInvalid, indexesOf, indexNamed, type IndexState } from './indexes.js';

type Action = Extract<OutsideAction, { kind: 'create-index' }>;

export async function createIndex(
  context: OutsideContext,
  sql: string,
  action: Action,
): Promise<Result<OutsideDone, SqlError>> {
  const table = await resolve(context.connection, action.table);
  if (table.isErr()) return err(table.error);
  // The server says what is wrong with the name.
  if (table.value === undefined) return plainly(context, sql);
  const build = new IndexBuild(context, sql, action, table.value);
  return inTries(
    context,
    () => build.attempt(),
    () => build.clear(),
  );
}

class IndexBuild {
  readonly #context: OutsideContext;
  readonly #sql: string;
  readonly #action: Action;
  readonly #table: Resolved;
  #expected: { readonly definition: string | undefined } | undefined;

  constructor(context: OutsideContext, sql: string, action: Action, table: Resolved) {
    this.#context = context;
    this.#sql = sql;
    this.#action = action;
    this.#table = table;
  }

  async attempt(): Promise<Result<OutsideDone, SqlError>> {
    const cleared = await this.clear();
    if (cleared.isErr()) return err(cleared.error);
    const { ifNotExists } = this.#action;
    if (ifNotExists || this.#context.repeats) {
      const there = await this.#find();
      if (there.isErr()) return err(there.error);
      if (there.value !== undefined) return this.#accept(there.value);
    }
    const before = await indexesOf(this.#context.connection, this.#table.oid);
    if (before.isErr()) return err(before.error);
    const sent = await this.#context.send(withoutIfNotExists(this.#sql));
    if (sent.isErr()) return err(sent.error);
    return this.#proven(new Set(before.value.map(({ oid }) => oid)));
  }

  /** Takes away an invalid index that this statement, now or at another time, has left. */
  async clear(): Promise<Result<void, SqlError>> {
    const { connection } = this.#context;
    const all = await indexesOf(connection, this.#table.oid);
    if (all.isErr()) return err(all.error);
    const invalid = all.value.filter(({ valid }) => !valid);
    const { name } = this.#action;
    if (name !== undefined)
      return dropInvalid(
        connection,
        invalid.filter((index) => index.name === name),
      );
    if (invalid.length === 0) return dropInvalid(connection, []);
    const definition = await this.#definition();
    return dropInvalid(
      connection,
      invalid.filter((index) => index.definition === definition),
    );
  }

  /** One of that name, on whichever table; without a name, one of the same definition. */
  async #find(): Promise<Result<IndexState | undefined, SqlError>> {
    const { connection } = this.#context;
    const { name } = this.#action;
    if (name !== undefined) return indexNamed(connection, this.#table.schema, name);
    const definition = await this.#definition();
    return indexesOf(connection, this.#table.oid).map((all) =>
      all.find((index) => index.valid && index.definition === definition),
    );
  }

  /** Only the same index counts as made: IF NOT EXISTS by itself takes any of that name for it. */
  async #accept(there: IndexState): Promise<Result<OutsideDone, SqlError>> {
    const definition = await this.#definition();
    if (there.table === this.#table.oid && there.definition === definition) return done();
    const why =
      definition === undefined ? 'and whether it is this one cannot be told' : `and is another one: ${there.sql}`;
    return err(refusal('42P07', `index "${there.name}" exists already, ${why}`, this.#sql));
  }

  async #proven(before: ReadonlySet<number>): Promise<Result<OutsideDone, SqlError>> {
    const all = await indexesOf(this.#context.connection, this.#table.oid);
    if (all.isErr()) return err(all.error);
    const { name } = this.#action;
    const made = all.value.find((index) => (name === undefined ? !before.has(index.oid) : index.name === name));
    return made?.valid === true
      ? done(`DROP INDEX CONCURRENTLY IF EXISTS ${sqlName(made)}`)
      : err(refusal('XX000', `the index ${name ?? ''} was not made, or is not valid`, this.#sql));
  }

  async #definition(): Promise<string | undefined> {
    this.#expected ??= {
      definition: await expectedDefinition(this.#context.connection, this.#sql, this.#table).unwrapOr(undefined),
    };
    return this.#expected.definition;
  }
}
