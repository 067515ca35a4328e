// Keeps the contract between the program and the schema through a run: what a step may not break, and what the run must end with.
import { err, ok, okAsync, safeTry, type Result, type ResultAsync } from 'neverthrow';
import type { ErrorFacts } from '../errors/facts.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import type { ContractSource, Preparing } from '../ports/contract.js';
import type { OpenDatabase } from '../ports/database.js';
import type { SqlError } from '../ports/session.js';
import type { StepObservation } from '../ports/step-transaction.js';
import { compareContract, tableName, type Contract, type ContractRules } from '../schema/contract.js';
import { newFindings, type ContractFinding } from '../schema/contract-finding.js';
import type { SchemaChange } from '../schema/change.js';
import { diffSchemas } from '../schema/diff.js';
import type { SchemaSnapshot } from '../schema/snapshot.js';
import { fromSql } from './as-error.js';

export const loadContract = (source: ContractSource): ResultAsync<Contract | undefined, MigrateError> =>
  source.load().mapErr((facts) => migrateError(facts));

/**
 * What of the contract does not hold on a schema; `database` is where that schema is, and is asked about queries and
 * views: all of them, or those that are among `suspects`.
 */
export function findingsOn(
  contract: Contract,
  rules: ContractRules,
  schema: SchemaSnapshot,
  database: Preparing,
  suspects?: readonly ContractFinding[],
): ResultAsync<readonly ContractFinding[], SqlError> {
  const { findings, probes } = compareContract(contract, schema, rules);
  const isSuspect = (what: 'table' | 'query', name: string): boolean =>
    suspects === undefined ||
    suspects.some((one) =>
      one.problem === 'query' ? what === 'query' && one.query === name : what === 'table' && one.table === name,
    );
  const asked = [
    ...probes.flatMap(({ sql, table }, at) =>
      isSuspect('table', tableName(table)) ? [{ name: `table ${at}`, sql }] : [],
    ),
    ...contract.queries.flatMap((query, at) =>
      isSuspect('query', query.name) ? [{ ...query, name: `query ${at}` }] : [],
    ),
  ];
  if (asked.length === 0) return okAsync(findings);
  return database.prepare(asked).map((unprepared) => {
    const reasons = new Map(unprepared.map(({ name, reason }) => [name, reason]));
    const unreadable = probes.flatMap(({ table }, at): ContractFinding[] => {
      const reason = reasons.get(`table ${at}`);
      const { dao } = table;
      return reason === undefined
        ? []
        : [{ problem: 'unreadable', table: tableName(table), ...(dao === undefined ? {} : { dao }), reason }];
    });
    const queries = contract.queries.flatMap(({ name }, at): ContractFinding[] => {
      const reason = reasons.get(`query ${at}`);
      return reason === undefined ? [] : [{ problem: 'query', query: name, reason }];
    });
    return [...findings, ...unreadable, ...queries];
  });
}

/** What is to be said of a step. */
export interface ContractVerdict {
  /** `step`: what it would spoil. `end`: what nothing has mended by the end of the run. */
  readonly by: 'step' | 'end';
  readonly refused: readonly ContractFinding[];
  readonly holds: boolean;
}

const isHarmless = (change: SchemaChange): boolean =>
  change.kind === 'table-added' ||
  change.kind === 'index-added' ||
  // That of an identity.
  (change.kind === 'object-added' && change.snapshot.type === 'sequence');

export class ContractWatch {
  readonly #contract: Contract;
  readonly #rules: ContractRules;
  readonly #last: string | undefined;
  #known: readonly ContractFinding[];

  private constructor(
    contract: Contract,
    rules: ContractRules,
    last: string | undefined,
    known: readonly ContractFinding[],
  ) {
    this.#contract = contract;
    this.#rules = rules;
    this.#last = last;
    this.#known = known;
  }

  /** `last`: the version after which all of it has to hold; undefined for a run that does not go to the end. */
  static begin(
    database: OpenDatabase,
    contract: Contract,
    last: string | undefined,
  ): ResultAsync<ContractWatch, MigrateError> {
    return safeTry<ContractWatch, SqlError>(async function* () {
      const rules = yield* database.contractRules();
      const schema = yield* database.snapshot();
      return ok(new ContractWatch(contract, rules, last, yield* findingsOn(contract, rules, schema, database)));
    }).mapErr((error) => fromSql(error, database.info.label, 'comparing it with what the program declares'));
  }

  /** Looks at what a step has made, while its transaction is open and nothing came after it. */
  examine(
    version: string,
    seen: Pick<StepObservation, 'before' | 'after'>,
    transaction: Preparing,
  ): ResultAsync<ContractVerdict, SqlError> {
    const before = this.#known;
    const isLast = version === this.#last;
    const changes = seen.before === seen.after ? [] : diffSchemas(seen.before, seen.after);
    // Whatever could be asked before another table came can be asked still; at the end nothing is taken for granted.
    const onlyTables = !isLast && changes.every(isHarmless);
    const found =
      changes.length === 0
        ? okAsync<readonly ContractFinding[], SqlError>(before)
        : findingsOn(this.#contract, this.#rules, seen.after, transaction, onlyTables ? before : undefined);
    return found.map((after) => {
      this.#known = after;
      const spoilt = newFindings(before, after);
      const by = spoilt.length > 0 || !isLast ? 'step' : 'end';
      return { by, refused: by === 'step' ? spoilt : after, holds: after.length === 0 };
    });
  }

  /** What is known now, for `rewind` after a rollback of more than one step. */
  mark(): readonly ContractFinding[] {
    return this.#known;
  }

  rewind(mark: readonly ContractFinding[]): void {
    this.#known = mark;
  }
}

export const contractRefusal = (version: string, { by, refused }: ContractVerdict): Result<void, ErrorFacts> =>
  refused.length === 0 ? ok(undefined) : err({ kind: 'contract-broken', version, by, findings: refused });
