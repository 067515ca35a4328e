// A neutral description of a schema: plain JSON data, no dialect's text but for expressions and bodies made comparable.

/** How names of objects are told apart: SQLite folds A-Z only, PostgreSQL compares what it stored. */
export type IdentifierRule = 'ascii-case-insensitive' | 'exact';

/** What happens on a conflict, where a constraint says something other than the default. */
export type ConflictAction = 'rollback' | 'abort' | 'fail' | 'ignore' | 'replace';
export type ReferentialAction = 'no-action' | 'restrict' | 'cascade' | 'set-null' | 'set-default';
export type Deferrability = 'not-deferrable' | 'initially-immediate' | 'initially-deferred';

/** An expression's text is normalised by the dialect, so that equal texts mean the same and new blanks or quotes do not differ. */
export interface ColumnSnapshot {
  readonly name: string;
  /** As declared, blanks collapsed; empty where none is declared. */
  readonly type: string;
  readonly notNull: boolean;
  readonly notNullOnConflict?: ConflictAction;
  /** Normalised expression. */
  readonly default?: string;
  /** Position in the primary key from 1; 0 where it is no part of it. */
  readonly primaryKey: number;
  readonly generated?: { readonly storage: 'virtual' | 'stored'; readonly expression: string };
  /** Absent for the database's default. */
  readonly collation?: string;
  /** Numbers of its own, as the SQL standard has them. */
  readonly identity?: 'always' | 'by-default';
}

/** One column of a key or an index, in its order. */
export interface KeyTerm {
  readonly column: string;
  readonly descending: boolean;
  /** Absent for the database's default. */
  readonly collation?: string;
}

export interface ExpressionTerm {
  readonly expression: string;
  readonly descending: boolean;
  readonly collation?: string;
}

export type IndexTerm = KeyTerm | ExpressionTerm;

export interface KeySnapshot {
  readonly name?: string;
  readonly terms: readonly KeyTerm[];
  readonly onConflict?: ConflictAction;
}

export interface CheckSnapshot {
  readonly name?: string;
  readonly expression: string;
  /** Columns of its table that the expression may mention: never too few, in the table's order. */
  readonly columns: readonly string[];
}

export interface ForeignKeySnapshot {
  readonly name?: string;
  readonly columns: readonly string[];
  /** `columns` is empty where the primary key of the other table is meant. */
  readonly references: { readonly table: string; readonly columns: readonly string[] };
  readonly onDelete: ReferentialAction;
  readonly onUpdate: ReferentialAction;
  readonly deferrable: Deferrability;
  /** Holds for new rows only: those that were there were not looked at. */
  readonly notValid?: true;
}

export interface TableSnapshot {
  readonly name: string;
  /** `shadow` belongs to a virtual table; whether that is known depends on the modules that a connection has loaded. */
  readonly kind: 'table' | 'virtual' | 'shadow';
  /** In declared order. Empty for a virtual table: its columns are what its module makes of the arguments. */
  readonly columns: readonly ColumnSnapshot[];
  readonly primaryKey?: KeySnapshot;
  readonly autoincrement: boolean;
  readonly withoutRowid: boolean;
  readonly strict: boolean;
  readonly uniques: readonly KeySnapshot[];
  readonly checks: readonly CheckSnapshot[];
  readonly foreignKeys: readonly ForeignKeySnapshot[];
  /** For virtual tables only. */
  readonly module?: { readonly name: string; readonly args: readonly string[] };
  /** What else makes the table what it is, as sorted texts: `unlogged`, `partition by range (at)`. */
  readonly options?: readonly string[];
}

export interface IndexSnapshot {
  readonly name: string;
  readonly table: string;
  readonly unique: boolean;
  /** Made by CREATE INDEX, or by the database for a constraint. */
  readonly origin: 'created' | 'unique' | 'primary-key';
  readonly terms: readonly IndexTerm[];
  /** Normalised condition of a partial index. */
  readonly where?: string;
  /** What the terms do not say (method, operator classes, whether it is valid), as the database writes it. */
  readonly definition?: string;
}

/** An object of a kind that only some databases have: a sequence, a function, a type, a policy. */
export interface ObjectSnapshot {
  readonly type: string;
  /** Unique among the objects of all types, for example `function public.total(integer)`. */
  readonly name: string;
  /** All that it is, as the database writes it. */
  readonly definition: string;
}

export interface ViewSnapshot {
  readonly name: string;
  /** Normalised statement. */
  readonly sql: string;
}

export interface TriggerSnapshot {
  readonly name: string;
  /** The table or view that it watches. */
  readonly table: string;
  /** Normalised statement. */
  readonly sql: string;
}

/**
 * A schema at one moment. Objects are sorted by name; a dialect with more kinds of objects adds optional arrays,
 * so that the fingerprint of a schema without them stays what it was.
 */
export interface SchemaSnapshot {
  readonly identifiers: IdentifierRule;
  readonly tables: readonly TableSnapshot[];
  readonly indexes: readonly IndexSnapshot[];
  readonly views: readonly ViewSnapshot[];
  readonly triggers: readonly TriggerSnapshot[];
  readonly objects?: readonly ObjectSnapshot[];
}
