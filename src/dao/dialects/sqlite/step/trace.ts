// What a step's statements can write, learnt from SQLite itself: EXPLAIN names the b-trees that a statement opens for writing.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SqliteConnection } from '../drivers/driver.js';
import { folded } from '../quote.js';
import { columnRenameOf, columnsRenamed, renameOf, type ColumnRename } from './alter.js';
import { readProgram, type Program } from './program.js';
import type { SchemaFacts } from './schema-facts.js';
import { namesIn, type NamedObject, type StatementFacts } from '../sql/statement.js';

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
const KEEPS_SCHEMA: ReadonlySet<string> = new Set(['SELECT', 'VALUES', 'INSERT', 'REPLACE', 'UPDATE', 'DELETE']);
const DEFINING: ReadonlySet<string> = new Set(['CREATE', 'ALTER', 'DROP']);
/** A table may come into being with rows: by AS SELECT, or by its module. */
const FILLING = /\b(?:as|virtual)\b/i;

/** To be told what became of the statement that was traced. */
export interface Traced {
  /** `changes`: the rows that it changed itself. */
  succeeded(changes: number): void;
  failed(): void;
}
const NOTHING: Traced = { succeeded: () => undefined, failed: () => undefined };

/**
 * Collects which tables a step's statements wrote to. Triggers and foreign key actions are part of a statement's
 * program, so what they write is listed too; a table that is not here was not written to through this connection.
 */
export class WriteTrace {
  readonly #connection: SqliteConnection;
  readonly #programs = new Map<string, Program>();
  /** Which table a b-tree belongs to, where the schema was read again. */
  #owners: ReadonlyMap<number, string> | undefined;
  readonly #written = new Set<string>();
  readonly #drops: NamedObject[] = [];
  readonly #renames: { readonly from: string; readonly to: string }[] = [];
  #columnRenames: readonly ColumnRename[] = [];
  /** Rows added to tables that nothing else was done to; a table that more was done to is in `#mixed`. */
  readonly #inserts = new Map<string, number>();
  readonly #mixed = new Set<string>();
  /** The schema as the step found it, where nobody else can change it any more. */
  readonly #begun: SchemaFacts | undefined;
  #rewound = false;
  #virtual = false;
  #editedSchema = false;
  #schemaUnknown: boolean;
  readonly #named = new Set<string>();
  #blind = false;

  /** `schema`: as the step finds it; undefined where somebody else may change it meanwhile. */
  constructor(connection: SqliteConnection, schema: SchemaFacts | undefined) {
    this.#connection = connection;
    this.#begun = schema;
    this.#schemaUnknown = schema === undefined;
  }

  /** How many rows the step added to a table, where that is all it did to it; undefined where nobody can say. */
  onlyInserted(table: string): number | undefined {
    const name = folded(table);
    return this.#rewound || this.#blind || this.#mixed.has(name) ? undefined : this.#inserts.get(name);
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

  /** What columns were called when the step began, or when it added them, and are called now. */
  get columnRenames(): readonly ColumnRename[] {
    return this.#columnRenames;
  }

  /** Some virtual table was written to: which one is known by name only. */
  get wroteVirtual(): boolean {
    return this.#virtual;
  }

  /**
   * What can have become of the schema: `added` names what the statements named that made something; `unknown` also
   * where others can have changed it.
   */
  get schemaFate(): { readonly kind: 'kept' | 'unknown' } | { readonly kind: 'added'; readonly names: string[] } {
    if (this.#schemaUnknown || this.#virtual || this.#blind) return { kind: 'unknown' };
    return this.#named.size === 0 ? { kind: 'kept' } : { kind: 'added', names: [...this.#named] };
  }

  /** SQLite's own table of the schema was written to by hand: a definition may say anything now. */
  get editedSchema(): boolean {
    return this.#editedSchema;
  }

  /** To be called before the statement runs, while the schema is still the one that it is compiled against. */
  before(sql: string, facts: StatementFacts, bindings: readonly unknown[]): ResultAsync<Traced, SqlError> {
    this.#drops.push(...facts.drops);
    const rename = facts.verb === 'ALTER' ? renameOf(sql) : undefined;
    if (facts.verb === 'ALTER') this.#columnRenames = columnsRenamed(this.#columnRenames, rename, columnRenameOf(sql));
    if (rename !== undefined) {
      this.#renames.push(rename);
      // What is done under the other name is done to this table too, also when it gets its own name back.
      for (const name of [rename.from, rename.to]) {
        this.#written.add(name);
        this.#mixed.add(name);
      }
    }
    if (facts.isSchemaChange && facts.onlyAdds && sql.isWellFormed()) {
      for (const name of namesIn(sql)) this.#named.add(name);
    } else if (facts.isSchemaChange || !KEEPS_SCHEMA.has(facts.verb)) this.#schemaUnknown = true;
    // What was counted before may be undone by it.
    if (facts.control === 'rollback-to') this.#rewound = true;
    if (facts.pragma?.name === 'writable_schema' || (facts.isSchemaChange && !DEFINING.has(facts.verb)))
      this.#editedSchema = true;
    // What a CREATE writes, rows and all, is new; a new column is written to no row.
    const adds = facts.verb === 'CREATE' || facts.addsColumn;
    if (adds) this.#forget();
    if (FILLING.test(sql)) for (const made of facts.creates) this.#written.add(folded(made.name));
    if (adds || READS_ONLY.has(facts.verb) || facts.verb === '') return okAsync(NOTHING);
    if (facts.insertsInto !== undefined && this.#isPlain(folded(facts.insertsInto)))
      return okAsync(this.#add({ tables: [folded(facts.insertsInto)], onlyInserts: true, writesVirtual: false }));
    const known = this.#programs.get(sql);
    if (known !== undefined) return okAsync(this.#add(known));
    return this.#connection
      .query(`EXPLAIN ${sql}`, bindings, 'rows')
      .andThen(({ rows }) =>
        this.#readOwners().map((owners): Traced => {
          const program = readProgram(rows, { owners, replacing: this.#begun?.replacing }, sql, facts);
          if (facts.isSchemaChange) this.#forget();
          else this.#programs.set(sql, program);
          return this.#add(program);
        }),
      )
      .orElse(() => {
        // A statement that does not compile fails by itself in a moment, with its own words. Should it go through after
        // all, nobody knows what it wrote: every table is looked at then.
        this.#forget();
        return okAsync<Traced, SqlError>({ ...NOTHING, succeeded: () => void (this.#blind = true) });
      });
  }

  #isPlain(table: string): boolean {
    // The application's own connection, which a database in memory is, may have temporary triggers.
    if (this.schemaFate.kind !== 'kept' || this.#connection.file === ':memory:') return false;
    return this.#begun?.isPlain(table) ?? false;
  }

  #add({ tables, onlyInserts, writesVirtual }: Program): Traced {
    if (writesVirtual) this.#virtual = true;
    for (const table of tables) this.#written.add(table);
    const mix = (): void => {
      for (const table of tables) this.#mixed.add(table);
    };
    const [table] = tables;
    if (!onlyInserts || table === undefined) {
      mix();
      return NOTHING;
    }
    return {
      succeeded: (changes) => void this.#inserts.set(table, (this.#inserts.get(table) ?? 0) + changes),
      // What OR FAIL had added before it failed stays, uncounted.
      failed: mix,
    };
  }

  /** Programs are compiled against one schema; b-trees move when the schema changes. */
  #forget(): void {
    this.#programs.clear();
    this.#owners = undefined;
  }

  #readOwners(): ResultAsync<ReadonlyMap<number, string>, SqlError> {
    const known = this.schemaFate.kind === 'kept' ? this.#begun?.owners : this.#owners;
    if (known) return okAsync(known);
    return this.#connection
      .all<{ rootpage: number; tbl_name: string }>(
        'SELECT rootpage, tbl_name FROM main.sqlite_schema WHERE rootpage > 0',
      )
      .map((rows) => (this.#owners = new Map(rows.map((row) => [row.rootpage, folded(row.tbl_name)]))));
  }
}
