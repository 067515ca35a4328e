// A way to the table of people: the DAO, knex by hand, or another library. All do the same work on drivers of the same kind.
import type { Dialect } from '../history.js';

export interface Person {
  readonly name: string;
  readonly age: number;
  readonly score: number;
  readonly active: boolean;
  readonly city: string;
}
export type Change = Pick<Person, 'score' | 'city'>;

/** What each library's own manual gives for it. */
export interface Way {
  readonly name: string;
  get(id: number): PromiseLike<unknown>;
  /** The row comes back, or as much of it as the library gives without a second statement. */
  insert(person: Person): PromiseLike<unknown>;
  update(id: number, change: Change): PromiseLike<unknown>;
  list(limit: number): PromiseLike<readonly unknown[]>;
  /** Has the rows in the form that the library takes; what is given back inserts them in one transaction. */
  insertMany(people: readonly Person[]): () => PromiseLike<unknown>;
}

/** A way with connections of its own. */
export interface OpenWay extends Way {
  close(): Promise<unknown>;
}

/** `address`: the file of SQLite, or a URL. */
export interface Place {
  readonly dialect: Dialect;
  readonly address: string;
}

/** How many connections a pool has where there is more than one. */
export const MOST_CONNECTIONS = 10;

/** Rows of a statement where the library leaves it to its caller; SQLite takes 32,766 values. */
export const CHUNK = 1000;

export function chunksOf<T>(rows: readonly T[], size = CHUNK): T[][] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, at) => rows.slice(at * size, (at + 1) * size));
}

/** SQLite has no booleans, and its drivers take none. */
export const boundFor = (dialect: Dialect, person: Person): object =>
  dialect === 'sqlite' ? { ...person, active: person.active ? 1 : 0 } : person;
