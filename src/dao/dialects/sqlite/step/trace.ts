// What a step's statements can write, learnt from SQLite itself: EXPLAIN names the b-trees that a statement opens for writing.
import type { ResultAsync } from 'neverthrow';
import { okAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SqliteConnection } from '../drivers/driver.js';
import type { RawObject } from '../inspect/read-objects.js';
import { folded } from '../quote.js';
import { renameOf } from './alter.js';
import { namesIn, type NamedObject, type StatementFacts } from '../sql/statement.js';

interface Opcode {
  readonly opcode: string;
  readonly p1: number;
  readonly p2: number;
  readonly p3: number;
  readonly p5: number;
}

const READS_ONLY: ReadonlySet<string> = new Set([
  'SELECT',
  'VALUES',
  'PRAGMA',
  'SAVEPOINT',
  'RELEASE',
  'ROLLBACK',
  'BEGIN',
  'COMMIT',
  'END',
  'EXPLAIN',
  'REINDEX',
  'ANALYZE',
  'VACUUM',
]);
// https://sqlite.org/opcode.html; a P2 that names a register (P5 has 0x10) is a b-tree made by the statement itself.
const P2_IS_REGISTER = 0x10;

/** To be told when the statement that was traced has gone through. */
export interface Traced {
  succeeded(): void;
}
const NOTHING: Traced = { succeeded: () => undefined };

/**
 * Collects which tables a step's statements wrote to. Triggers and foreign key actions are part of a statement's
 * program, so what they write is listed too; a table that is not here was not written to through this connection.
 */
export class WriteTrace {
  readonly #connection: SqliteConnection;
  readonly #programs = new Map<string, readonly string[]>();
  /** Which table a b-tree belongs to; undefined once the schema has changed. */
  #owners: ReadonlyMap<number, string> | undefined;
  readonly #written = new Set<string>();
  readonly #drops: NamedObject[] = [];
  readonly #renames: { readonly from: string; readonly to: string }[] = [];
  #virtual = false;
  #blind = false;

  /** `schema`: the rows of `sqlite_schema`, where nobody else can change them any more. */
  constructor(connection: SqliteConnection, schema: readonly RawObject[] | undefined) {
    this.#connection = connection;
    if (schema)
      this.#owners = new Map(
        schema.filter(({ rootpage }) => rootpage > 0).map(({ rootpage, tableName }) => [rootpage, folded(tableName)]),
      );
  }

  /** Some statement could not be explained and went through: any table may have been written to. */
  get wroteAnything(): boolean {
    return this.#blind;
  }

  /** Names of tables that were written to, folded, as they were called at that time. */
  get written(): ReadonlySet<string> {
    return this.#written;
  }

  /** Objects that the step's own statements named in a DROP. */
  get drops(): readonly NamedObject[] {
    return this.#drops;
  }

  /** What a table that was called `name` when the step began is called now, folded. */
  nameNow(name: string): string {
    return this.#renames.reduce((current, { from, to }) => (from === current ? to : current), folded(name));
  }

  /** Some virtual table was written to: which one is known by name only. */
  get wroteVirtual(): boolean {
    return this.#virtual;
  }

  /** To be called before the statement runs, while the schema is still the one that it is compiled against. */
  before(sql: string, facts: StatementFacts, bindings: readonly unknown[]): ResultAsync<Traced, SqlError> {
    this.#drops.push(...facts.drops);
    const rename = facts.verb === 'ALTER' ? renameOf(sql) : undefined;
    if (rename !== undefined) this.#renames.push(rename);
    if (READS_ONLY.has(facts.verb) || facts.verb === '') return okAsync(NOTHING);
    const known = this.#programs.get(sql);
    if (known !== undefined) {
      this.#add(known);
      return okAsync(NOTHING);
    }
    return this.#connection
      .query(`EXPLAIN ${sql}`, bindings, 'rows')
      .andThen(({ rows }) =>
        this.#readOwners().map((owners): Traced => {
          const tables = this.#tablesOf(rows as unknown as readonly Opcode[], owners, sql);
          if (facts.isSchemaChange) this.#forget();
          else this.#programs.set(sql, tables);
          this.#add(tables);
          return NOTHING;
        }),
      )
      .orElse(() => {
        // A statement that does not compile fails by itself in a moment, with its own words. Should it go through after
        // all, nobody knows what it wrote: every table is looked at then.
        this.#forget();
        return okAsync<Traced, SqlError>({ succeeded: () => void (this.#blind = true) });
      });
  }

  #add(tables: readonly string[]): void {
    for (const table of tables) this.#written.add(table);
  }

  /** Programs are compiled against one schema; b-trees move when the schema changes. */
  #forget(): void {
    this.#programs.clear();
    this.#owners = undefined;
  }

  #readOwners(): ResultAsync<ReadonlyMap<number, string>, SqlError> {
    if (this.#owners) return okAsync(this.#owners);
    return this.#connection
      .all<{ rootpage: number; tbl_name: string }>(
        'SELECT rootpage, tbl_name FROM main.sqlite_schema WHERE rootpage > 0',
      )
      .map((rows) => (this.#owners = new Map(rows.map((row) => [row.rootpage, folded(row.tbl_name)]))));
  }

  #tablesOf(program: readonly Opcode[], owners: ReadonlyMap<number, string>, sql: string): string[] {
    const tables = new Set<string>();
    const add = (root: number): void => {
      const owner = owners.get(root);
      if (owner !== undefined) tables.add(owner);
    };
    for (const { opcode, p1, p2, p3, p5 } of program) {
      if (opcode === 'OpenWrite' && p3 === 0 && (p5 & P2_IS_REGISTER) === 0) add(p2);
      else if ((opcode === 'Clear' && p2 === 0) || (opcode === 'Destroy' && p3 === 0)) add(p1);
      else if (opcode === 'VUpdate' || opcode === 'VDestroy' || opcode === 'VRename') {
        this.#virtual = true;
        for (const name of namesIn(sql)) tables.add(folded(name));
      }
    }
    return [...tables];
  }
}
