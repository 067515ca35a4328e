// Where the contract of a program comes from: its options, or a module that exports tables, DAOs and named queries.
import { existsSync } from 'node:fs';
import { err, errAsync, ok, okAsync, ResultAsync } from 'neverthrow';
import { reasonOf } from '../core/errors/migrate-error.js';
import type { ContractSource, ContractUnreadable } from '../core/ports/contract.js';
import type { Contract } from '../core/schema/contract.js';
import { readContract } from '../core/schema/read-contract.js';
import { labelOf } from './label.js';

/** `contract`: a contract, or the file of a module, which is loaded when it is needed, once. */
export function contractSource(
  contract: string | Contract | undefined,
  load: (file: string) => Promise<unknown>,
): ContractSource {
  if (typeof contract !== 'string') return { load: () => okAsync(contract) };
  let loaded: ResultAsync<Contract, ContractUnreadable> | undefined;
  return { load: () => (loaded ??= fromModule(contract, load)) };
}

function fromModule(file: string, load: (file: string) => Promise<unknown>): ResultAsync<Contract, ContractUnreadable> {
  const unreadable = (reason: string): ContractUnreadable => ({
    kind: 'contract-unreadable',
    file: labelOf(file),
    reason,
  });
  if (!existsSync(file)) return errAsync(unreadable('there is no such file'));
  return ResultAsync.fromPromise(load(file), (thrown) => unreadable(reasonOf(thrown))).andThen((exported) => {
    if (exported === null || typeof exported !== 'object') return errAsync(unreadable('it exports nothing'));
    return readContract(Object.values(exported), 'pass-over')
      .mapErr(unreadable)
      .andThen((contract) =>
        contract.tables.length + contract.queries.length === 0
          ? err(unreadable('none of its exports is a table, a DAO or a named query'))
          : ok(contract),
      );
  });
}
