// `check`: whether the program's declarations fit the schema that is there. Reads, and writes nothing.
import { errAsync, ok, safeTry, type ResultAsync } from 'neverthrow';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { DatabaseInfo } from '../ports/database.js';
import { tableName } from '../schema/contract.js';
import type { ContractFinding } from '../schema/contract-finding.js';
import { fromSql } from './as-error.js';
import { findingsOn, loadContract } from './contract-watch.js';
import { readingWhatIs, readStatus } from './inspect-state.js';
import type { ManagerPorts, Policy } from './ports.js';

/** What the program declares, and what of it would not work on this database; nothing, where `findings` is empty. */
export interface CheckReport {
  readonly database: DatabaseInfo;
  readonly tables: readonly { readonly table: string; readonly dao: string | null }[];
  readonly queries: readonly string[];
  readonly findings: readonly ContractFinding[];
  /** Steps that are not applied yet. */
  readonly pending: number;
}

export function runCheck(ports: ManagerPorts, policy: Policy): ResultAsync<CheckReport, MigrateError> {
  return loadContract(ports.contract).andThen((contract) => {
    if (contract === undefined)
      return errAsync(
        migrateError({
          kind: 'usage',
          reason: 'nothing is declared that the schema could be compared with',
          suggestion:
            'Name the module that exports your tables, DAOs and queries: migrate-safe check --contract src/tables.ts   or `contract` in the configuration.',
        }),
      );
    const compared = readingWhatIs(ports, (database) =>
      safeTry(async function* () {
        const failed = (error: Parameters<typeof fromSql>[0]): MigrateError =>
          fromSql(error, database.info.label, 'comparing it with what the program declares');
        const rules = yield* database.contractRules().mapErr(failed);
        const schema = yield* database.snapshot().mapErr(failed);
        return ok({
          database: database.info,
          tables: contract.tables.map((table) => ({ table: tableName(table), dao: table.dao ?? null })),
          queries: contract.queries.map(({ name }) => name),
          findings: yield* findingsOn(contract, rules, schema, database).mapErr(failed),
        });
      }),
    );
    return compared.andThen((report) => readStatus(ports, policy).map(({ pending }) => ({ ...report, pending })));
  });
}
