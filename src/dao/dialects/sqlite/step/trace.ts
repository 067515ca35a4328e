// What a step's statements can write, learnt from SQLite itself: EXPLAIN names the b-trees that a statement opens for writing.
import type { ResultAsync } from 'neverthrow';
import { okAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SqliteConnection } from '../drivers/driver.js';
import type { RawObject } from '../inspect/read-objects.js';
import { folded } from '../quote.js';
import { renameOf } from './alter.js';
import { addsColumn } from '../sql/adds.js';
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

/** To be told what became of the statement that was traced. */
export interface Traced {
  /** `changes`: the rows that it changed itself. */
  succeeded(changes: number): void;
  failed(): void;
}
const NOTHING: Traced = { succeeded: () => undefined, failed: () => undefined };

/** What one statement can write. `onlyInserts`: it adds rows to its one table, and does nothing else. */
interface Program {
  readonly tables: readonly string[];
  readonly onlyInserts: boolean;
}
// An update deletes and inserts, a trigger or a foreign key action is a program of its own.
const MORE_THAN_INSERTS: ReadonlySet<string> = new Set([
  'Delete',
  'IdxDelete',
  'Clear',
  'Destroy',
  'Program',
  'VUpdate',
]);
const DEFINING: ReadonlySet<string> = new Set(['CREATE', 'ALTER', 'DROP']);
const REPLACE = /\breplace\b/i;
const UPDATE = /\bupdate\b/i;
/** Such an insert gives rows, and with them no number of changes. */
export const RETURNING = /\breturning\b/i;

/**
 * Collects which tables a step's statements wrote to. Triggers and foreign key actions are part of a statement's
 * program, so what they write is listed too; a table that is not here was not written to through this connection.
 */
export class WriteTrace {
  readonly #connection: SqliteConnection;
  readonly #programs = new Map<string, Program>();
  /** Which table a b-tree belongs to; undefined once the schema has changed. */
  #owners: ReadonlyMap<number, string> | undefined;
  readonly #written = new Set<string>();
  readonly #drops: NamedObject[] = [];
  readonly #renames: { readonly from: string; readonly to: string }[] = [];
  /** Rows added to tables that nothing else was done to; a table that more was done to is in `#mixed`. */
  readonly #inserts = new Map<string, number>();
  readonly #mixed = new Set<string>();
  /** Tables whose own constraints replace rows: an insert into them is never only that. */
  readonly #replacing: ReadonlySet<string> | undefined;
  #rewound = false;
  #virtual = false;
  #editedSchema = false;
  #blind = false;

  /** `schema`: the rows of `sqlite_schema`, where nobody else can change them any more. */
  constructor(connection: SqliteConnection, schema: readonly RawObject[] | undefined) {
    this.#connection = connection;
    if (schema === undefined) return;
    this.#owners = new Map(
      schema.filter(({ rootpage }) => rootpage > 0).map(({ rootpage, tableName }) => [rootpage, folded(tableName)]),
    );
    this.#replacing = new Set(
      schema.filter(({ sql }) => REPLACE.test(sql ?? '')).map(({ tableName }) => folded(tableName)),
    );
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

  /** Some virtual table was written to: which one is known by name only. */
  get wroteVirtual(): boolean {
    return this.#virtual;
  }

  /** SQLite's own table of the schema was written to by hand: a definition may say anything now. */
  get editedSchema(): boolean {
    return this.#editedSchema;
  }

  /** To be called before the statement runs, while the schema is still the one that it is compiled against. */
  before(sql: string, facts: StatementFacts, bindings: readonly unknown[]): ResultAsync<Traced, SqlError> {
    this.#drops.push(...facts.drops);
    const rename = facts.verb === 'ALTER' ? renameOf(sql) : undefined;
    if (rename !== undefined) {
      this.#renames.push(rename);
      // What is done under the other name is done to this table too, also when it gets its own name back.
      for (const name of [rename.from, rename.to]) {
        this.#written.add(name);
        this.#mixed.add(name);
      }
    }
    // What was counted before may be undone by it.
    if (facts.control === 'rollback-to') this.#rewound = true;
    if (facts.pragma?.name === 'writable_schema' || (facts.isSchemaChange && !DEFINING.has(facts.verb)))
      this.#editedSchema = true;
    // What a CREATE writes, rows and all, is new; a new column is written to no row.
    const adds = facts.verb === 'CREATE' || addsColumn(sql);
    if (adds) this.#forget();
    if (adds || READS_ONLY.has(facts.verb) || facts.verb === '') return okAsync(NOTHING);
    const known = this.#programs.get(sql);
    if (known !== undefined) return okAsync(this.#add(known));
    return this.#connection
      .query(`EXPLAIN ${sql}`, bindings, 'rows')
      .andThen(({ rows }) =>
        this.#readOwners().map((owners): Traced => {
          const program = this.#programOf(rows as unknown as readonly Opcode[], owners, sql, facts);
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

  #add({ tables, onlyInserts }: Program): Traced {
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
    if (this.#owners) return okAsync(this.#owners);
    return this.#connection
      .all<{ rootpage: number; tbl_name: string }>(
        'SELECT rootpage, tbl_name FROM main.sqlite_schema WHERE rootpage > 0',
      )
      .map((rows) => (this.#owners = new Map(rows.map((row) => [row.rootpage, folded(row.tbl_name)]))));
  }

  #programOf(
    program: readonly Opcode[],
    owners: ReadonlyMap<number, string>,
    sql: string,
    facts: StatementFacts,
  ): Program {
    const tables = this.#tablesOf(program, owners, sql);
    const onlyInserts =
      facts.verb === 'INSERT' &&
      tables.length === 1 &&
      this.#replacing !== undefined &&
      !this.#replacing.has(tables[0] ?? '') &&
      !REPLACE.test(sql) &&
      // An upsert that updates may need no opcode but those of an insert.
      !UPDATE.test(sql) &&
      !RETURNING.test(sql) &&
      !program.some(({ opcode }) => MORE_THAN_INSERTS.has(opcode));
    return { tables, onlyInserts };
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
