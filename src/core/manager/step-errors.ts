// Says what went wrong in a step: where, in whose words, and what that leaves.
import {
  migrateError,
  reasonOf,
  type DatabaseState,
  type MigrateError,
  type StepLocation,
} from '../errors/migrate-error.js';
import type { StepFault, StepTransaction } from '../ports/step-transaction.js';
import type { MigrationStep } from '../steps/migration-step.js';
import type { Interruption } from './deadline.js';
import { fromSql } from './as-error.js';
import type { Direction } from './progress.js';

const isBusy = (thrown: unknown): boolean => {
  const { code, message } = (thrown ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  return (
    (typeof code === 'string' && code.startsWith('SQLITE_BUSY')) ||
    (typeof message === 'string' && message.includes('database is locked'))
  );
};

/** The part of a message that names what the statement stumbled over, for a marker under the source. */
const nearOf = (message: string): string | undefined =>
  /near "([^"]+)"/.exec(message)?.[1] ??
  /no such (?:table|column|index|view|trigger|function): (?:main\.)?(\S+)/.exec(message)?.[1];

export class StepErrors {
  readonly #step: MigrationStep;
  readonly #direction: Direction;
  readonly #database: string;

  constructor(step: MigrationStep, direction: Direction, database: string) {
    this.#step = step;
    this.#direction = direction;
    this.#database = database;
  }

  get location(): StepLocation {
    const { file, downFile } = this.#step.origin;
    const used = this.#direction === 'revert' ? (downFile ?? file) : file;
    return { version: this.#step.version, ...(used === undefined ? {} : { file: used }) };
  }

  /** A fault of a statement, or of what the step tried. */
  fault(fault: StepFault, state: DatabaseState = 'rolled-back'): MigrateError {
    const { version } = this.#step;
    switch (fault.kind) {
      case 'sql': {
        const { error, statement } = fault;
        const step = {
          ...this.location,
          ...(statement
            ? { line: statement.line, statement: statement.sql }
            : error.sql === undefined
              ? {}
              : { statement: error.sql }),
        };
        if (error.kind === 'interrupted') return migrateError({ kind: 'cancelled' }, { state, step });
        if (error.kind === 'disk-full' || error.kind === 'io' || error.kind === 'corrupt') {
          return { ...fromSql(error, this.#database, `applying ${version}`, state), step };
        }
        const near = nearOf(error.message);
        return migrateError(
          {
            kind: 'step-failed',
            version,
            reason: error.message,
            sqlError: error,
            ...(near === undefined ? {} : { near }),
          },
          { state, step, cause: error.cause },
        );
      }
      case 'forbidden': {
        const what = fault.what === 'write-in-check' ? `write in a check: ${fault.sql}` : fault.sql;
        const late = fault.what === 'closed' ? { late: true } : {};
        const at = fault.statement ? { line: fault.statement.line } : {};
        if (fault.what === 'journal') {
          const reason = 'a step may not change what is the engine’s own: names that begin with migrate_safe_';
          return migrateError(
            { kind: 'step-failed', version, reason },
            { state, step: { ...this.location, ...at, statement: fault.sql } },
          );
        }
        return migrateError(
          { kind: 'step-ended-transaction', version, what, ...late },
          { state, step: { ...this.location, ...at, statement: fault.sql } },
        );
      }
      case 'ended-transaction':
        return migrateError(
          { kind: 'step-ended-transaction', version, what: 'it ended its transaction' },
          { state, step: this.location },
        );
      case 'foreign-write':
        return migrateError(
          { kind: 'step-foreign-connection', version, reason: 'another connection wrote while it ran' },
          { state, step: this.location },
        );
    }
  }

  /** What a step's code threw, or that it did not come back. */
  interruption(
    interruption: Interruption,
    timeoutMs: number,
    transaction: Pick<StepTransaction, 'fault' | 'lastError'>,
  ): MigrateError {
    const { version } = this.#step;
    const step = this.location;
    switch (interruption.kind) {
      case 'aborted':
        return migrateError({ kind: 'cancelled' }, { step });
      case 'timed-out':
        return migrateError({ kind: 'step-timeout', version, ms: timeoutMs }, { state: 'rolled-back', step });
      case 'threw': {
        const { thrown } = interruption;
        const handleFault = transaction.fault();
        if (handleFault && handleFault.kind !== 'sql') return this.fault(handleFault);
        // knex puts the whole statement before the database's own words, which were kept.
        const error = transaction.lastError();
        if (error !== undefined && error.cause === thrown && (error.kind !== 'busy' || error.transient === true))
          return this.fault({ kind: 'sql', error });
        // The step's own transaction holds the write lock: a statement that meets a lock came from elsewhere.
        if (isBusy(thrown)) {
          return migrateError(
            { kind: 'step-foreign-connection', version, reason: reasonOf(thrown) },
            { state: 'rolled-back', step, cause: thrown },
          );
        }
        const near = nearOf(reasonOf(thrown));
        return migrateError(
          { kind: 'step-failed', version, reason: reasonOf(thrown), ...(near === undefined ? {} : { near }) },
          { state: 'rolled-back', step, cause: thrown },
        );
      }
    }
  }
}
