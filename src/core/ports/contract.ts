// What the program that is about to start declares, and what the database says of its statements.
import type { ResultAsync } from 'neverthrow';
import type { Contract, ContractRules, DeclaredQuery } from '../schema/contract.js';
import type { SqlError } from './session.js';

/** The module of declarations could not be loaded, or has none. */
export interface ContractUnreadable {
  readonly kind: 'contract-unreadable';
  readonly file: string;
  readonly reason: string;
}

export interface ContractSource {
  /** Undefined where nothing is declared. */
  load(): ResultAsync<Contract | undefined, ContractUnreadable>;
}

/** A statement in the database's own terms, or a query that is still to be built. */
export type Preparable = DeclaredQuery | { readonly name: string; readonly sql: string };

/** A statement that the database would not run on the schema as it is. */
export interface Unprepared {
  readonly name: string;
  readonly reason: string;
}

/** A database, or a transaction on it, that says whether statements could run; none of them is run. */
export interface Preparing {
  prepare(statements: readonly Preparable[]): ResultAsync<readonly Unprepared[], SqlError>;
}

/** An open database, as far as contracts go. */
export interface ContractHost extends Preparing {
  contractRules(): ResultAsync<ContractRules, SqlError>;
}
