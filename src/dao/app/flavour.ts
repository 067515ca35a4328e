// How a database says what the DAOs mean: one implementation per dialect, all of it plain text and values.
import type { DatabaseError, InvalidRow, Violation } from '../dao-error.js';
import type { Column } from '../table/column.js';
import type { Direction } from '../query/order-by.js';

/** How the values of a column travel; undefined where the driver takes and gives them as they are. */
export interface Codec {
  readonly encode?: (value: never) => unknown;
  readonly decode?: (raw: never) => unknown;
}

/** `wants`: what is read of the answer; some drivers have only one of them. */
export type Wants = 'rows' | 'changes';
export interface Answer {
  readonly rows: Record<string, unknown>[];
  readonly changes: number;
}

/** One connection of the application's pool. Rejects with the driver's own error. */
export interface AppConnection {
  query(sql: string, values: readonly unknown[], wants: Wants): Promise<Answer>;
  /** Carries out what knex itself sends on it, as patient with locks and as wary of a lost connection. */
  hosted<T>(work: () => Promise<T>): Promise<T>;
}

/** How far a transaction is kept from others; PostgreSQL's default is `read-committed`. */
export type Isolation = 'read-committed' | 'repeatable-read' | 'serializable';
/** What a database, or a unit of work, is opened for. */
export type Access = 'read-write' | 'read-only';

export interface Script {
  readonly sql: string;
  readonly values: readonly unknown[];
}

export interface InList {
  readonly value: unknown;
  readonly test: (column: string, placeholder: string) => string;
}

export interface FigureSql {
  readonly sql: string;
  readonly sort?: string;
  readonly decode?: (raw: unknown) => unknown;
}

export interface Flavour {
  /** What an application calls it. */
  readonly name: string;
  /** Wraps what the pool of knex gives. */
  connection(raw: unknown): AppConnection;
  quoted(name: string): string;
  placeholder(position: number): string;
  codec(column: Column): Codec;
  /** The column in a list of results, as `decode` takes it. */
  selected(column: Column, expression: string, as: string): string;
  /** A placeholder of a value for this column. */
  bound(column: Column, placeholder: string): string;
  /** The column, or a bound value of it, as it compares and sorts. */
  comparable(column: Column, expression: string): string;
  /** The list as one value to bind, and the test that the column holds one of it. */
  isIn(column: Column, encoded: readonly unknown[]): InList;
  /** Not the same, null being a value like any other. */
  readonly isDistinct: string;
  readonly isSame: string;
  /** By letters as they are: the operator, and what `part` is written as for it. */
  matches(
    where: 'contains' | 'startsWith' | 'endsWith',
    part: string,
  ): { readonly operator: string; readonly pattern: string };
  /** A column whose values a driver would round, as text. */
  asText(column: Column, expression: string): string;
  /** A figure over a column; `sort` is what it sorts by. `decode` takes the place of the column's own. */
  figure(column: Column, of: 'sum' | 'avg' | 'min' | 'max', expression: string): FigureSql;
  /** What makes rows without a value come last when they are in ascending order. */
  nullsOf(direction: Direction): string;
  /**
   * Where rows come from that are inserted many at once: what follows `INSERT INTO table (columns)`. `rows` are encoded;
   * undefined where these values do not travel so.
   */
  rowsOf(table: string, columns: readonly Column[], rows: readonly (readonly unknown[])[]): Script | undefined;
  /** How many rows are sent at once, and how many values a statement takes. */
  readonly most: { readonly rows: number; readonly values: number };
  /** What keeps other appenders to the table away until the transaction ends; undefined where it has them wait already. */
  turn(table: string): Script | undefined;
  begin(access: Access, isolation: Isolation | undefined): readonly string[];
  /** After the end of a transaction that only read. */
  afterwards(access: Access): readonly string[];
  /** `during`: what was under way, since a connection that is lost then leaves open what happened. */
  classify(thrown: unknown, table: string, during: 'read' | 'write'): DatabaseError | InvalidRow | Violation;
}
