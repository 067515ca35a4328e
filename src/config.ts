// The configuration: what a caller says, made whole and checked, or the reasons why it cannot be used.
import path from 'node:path';
import { inspect } from 'node:util';
import type { Knex } from 'knex';
import { err, ok, type Result } from 'neverthrow';
import { DEFAULT_POLICY, type Policy } from './core/manager/ports.js';
import type { Contract } from './core/schema/contract.js';
import { readContract, type ContractMember } from './core/schema/read-contract.js';
import type { MigrationStep } from './core/steps/migration-step.js';
import { parseDuration } from './duration.js';
import { isInMemory, resolveTarget, type Target } from './target.js';

/** What `createMigrateSafe`, `migrateSafeModule` and a config file take. Only `database` is needed. */
export interface MigrateSafeOptions {
  /**
   * `sqlite:app.db`, `sqlite:/var/lib/app.db?driver=better-sqlite3`, `postgres://user@host:5432/name`, a knex
   * configuration, or the application's own knex instance (its configuration is taken; the engine opens connections of
   * its own). Of a PostgreSQL server, what is not said comes from PG* variables and .pgpass; `postgres:` leaves all to
   * them. The database itself has to be there.
   */
  readonly database: string | Knex.Config | Knex;
  /** Directory of step files, or steps in code. More can be added with `addMigration`. */
  readonly steps?: string | readonly MigrationStep[];
  /**
   * What the program that starts works with: its tables, DAOs (or classes of DAOs with a static `table`) and named
   * queries of `migrate-safe/dao`; or a module that exports them. A step after which one of them could not work is rolled
   * back, and so is the last step where not all of them would.
   */
  readonly contract?: string | readonly ContractMember[];
  /** Directory of backups (files, or archives of pg_dump) and of the journal's mirror. Default: `./backups`. */
  readonly backups?: string;
  /** Namespace of the chain of steps. Default: `main`. */
  readonly component?: string;
  /** What becomes of a step that loses what it did not declare. Default: `enforce`. */
  readonly guard?: Policy['guard'];
  /**
   * When the whole database is backed up: a copy of the file, or an archive, for which pg_dump, pg_restore and psql of
   * the server's version or a newer one have to be installed. Default: `each-step` for a file, `each-run` for a server.
   * `never` needs no programs; steps without a transaction that could lose rows are then refused.
   */
  readonly fileBackup?: Policy['fileBackup'];
  /**
   * How, on PostgreSQL: by `pg_dump`; by a restore point in the log that the server archives, from which only the
   * server's own tools restore; or by a clone of the database on its own server, for which nobody else may be connected.
   * Default: `dump`.
   */
  readonly fileBackupBy?: Policy['fileBackupBy'];
  /** Size in bytes above which a PostgreSQL database is asked about before it is dumped. Default: 10 GiB. */
  readonly largeDatabaseBytes?: number;
  /**
   * Whether PostgreSQL copies the tables that a step can touch before it, into schema `migrate_safe_backup`, locked
   * against writers until the step has committed. Default: `each-step`. On SQLite it means nothing.
   */
  readonly tableBackup?: Policy['tableBackup'];
  /** What becomes of the run's earlier steps when one fails. Default: `keep-earlier-steps`. */
  readonly onFailure?: Policy['onFailure'];
  /** Whether a new step below the newest applied one may be applied late. Default: `refuse`. */
  readonly outOfOrder?: Policy['outOfOrder'];
  /** What becomes of a start when the database has steps that this program does not know. Default: `warn`. */
  readonly onAhead?: Policy['onAhead'];
  /**
   * How long to wait for another run, and on SQLite for another connection's lock: `90s`, `10m`, or milliseconds.
   * Default: `10m`. On PostgreSQL a step waits for a lock two seconds at a time, up to ten times.
   */
  readonly lockWait?: string | number;
  /** Number of runs whose backups and copies of tables are kept; failed runs and `createBackup` besides. Default: 10. */
  readonly keepRuns?: number;
}

/** The options, checked and with every default in place. */
export interface Config {
  readonly target: Target;
  readonly steps: { readonly directory?: string; readonly registered: readonly MigrationStep[] };
  /** The file of a module, or what was given. */
  readonly contract: string | Contract | undefined;
  readonly backups: string;
  readonly policy: Policy;
}

export type ConfigError = {
  readonly kind: 'config-invalid';
  readonly where: string;
  readonly issues: readonly string[];
};

const CHOICES = {
  guard: ['enforce', 'warn', 'off'],
  fileBackup: ['each-step', 'each-run', 'never'],
  fileBackupBy: ['dump', 'restore-point', 'template-clone'],
  tableBackup: ['each-step', 'never'],
  onFailure: ['keep-earlier-steps', 'undo-run'],
  outOfOrder: ['refuse', 'allow'],
  onAhead: ['warn', 'refuse'],
} as const satisfies { readonly [K in keyof Policy]?: readonly Policy[K][] };
const MEMBERS: ReadonlySet<string> = new Set([
  'database',
  'steps',
  'contract',
  'backups',
  'component',
  'lockWait',
  'keepRuns',
  'largeDatabaseBytes',
  ...Object.keys(CHOICES),
]);

/** Checks what a caller, or a config file, says. Everything that is wrong is reported together. */
export function parseConfig(input: unknown, where = 'the configuration'): Result<Config, ConfigError> {
  if (input === null || typeof input !== 'object')
    return err({ kind: 'config-invalid', where, issues: ['it is not an object'] });
  const options = input as MigrateSafeOptions;
  const issues: string[] = [];
  for (const key of Object.keys(options)) if (!MEMBERS.has(key)) issues.push(`\`${key}\` is not known`);
  for (const [key, allowed] of Object.entries(CHOICES)) {
    const value = options[key as keyof typeof CHOICES];
    if (value !== undefined && !(allowed as readonly string[]).includes(value))
      issues.push(`\`${key}\` is ${allowed.map((one) => `'${one}'`).join(' or ')}, not ${shown(value)}`);
  }
  for (const key of ['backups', 'component'] as const) {
    const value = options[key];
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      issues.push(`\`${key}\` is a text that is not empty`);
  }
  const { steps = [], keepRuns = DEFAULT_POLICY.keepRuns } = options;
  const { largeDatabaseBytes = DEFAULT_POLICY.largeDatabaseBytes } = options;
  if (!isSteps(steps)) issues.push('`steps` is a directory or a list of steps');
  const contract = contractOf(options.contract);
  if (contract.isErr()) issues.push(`\`contract\`: ${contract.error}`);
  if (!Number.isSafeInteger(keepRuns) || keepRuns < 1) issues.push('`keepRuns` is a whole number from 1');
  if (!Number.isSafeInteger(largeDatabaseBytes) || largeDatabaseBytes < 0)
    issues.push('`largeDatabaseBytes` is a whole number from 0');
  const lockWaitMs = parseDuration(options.lockWait ?? DEFAULT_POLICY.lockWaitMs);
  if (lockWaitMs === undefined) issues.push('`lockWait` is a duration like 90s or 10m');
  const target = resolveTarget(options.database, lockWaitMs ?? DEFAULT_POLICY.lockWaitMs);
  if (target.isErr()) issues.push(target.error);
  const ways: readonly unknown[] = CHOICES.fileBackupBy;
  if (target.isOk() && target.value.dialect === 'sqlite' && ways.includes(options.fileBackupBy))
    issues.push('`fileBackupBy` is for PostgreSQL: a database that is a file is copied');
  if (issues.length > 0 || target.isErr() || contract.isErr()) return err({ kind: 'config-invalid', where, issues });

  const byDefault = target.value.dialect === 'sqlite' ? DEFAULT_POLICY.fileBackup : 'each-run';
  return ok({
    target: target.value,
    steps: typeof steps === 'string' ? { directory: path.resolve(steps), registered: [] } : { registered: steps },
    contract: contract.value,
    backups: path.resolve(options.backups ?? './backups'),
    policy: {
      component: options.component ?? DEFAULT_POLICY.component,
      guard: options.guard ?? DEFAULT_POLICY.guard,
      fileBackup: isInMemory(target.value) ? 'never' : (options.fileBackup ?? byDefault),
      fileBackupBy: options.fileBackupBy ?? DEFAULT_POLICY.fileBackupBy,
      largeDatabaseBytes,
      tableBackup: options.tableBackup ?? DEFAULT_POLICY.tableBackup,
      onFailure: options.onFailure ?? DEFAULT_POLICY.onFailure,
      outOfOrder: options.outOfOrder ?? DEFAULT_POLICY.outOfOrder,
      onAhead: options.onAhead ?? DEFAULT_POLICY.onAhead,
      lockWaitMs: lockWaitMs ?? DEFAULT_POLICY.lockWaitMs,
      keepRuns,
    },
  });
}

function contractOf(contract: MigrateSafeOptions['contract']): Result<Config['contract'], string> {
  if (contract === undefined) return ok(undefined);
  if (typeof contract === 'string') return contract === '' ? err('it names no file') : ok(path.resolve(contract));
  return Array.isArray(contract)
    ? readContract(contract, 'refuse')
    : err('it is a file, or a list of tables, DAOs and queries');
}

/** Told by its shape: the caller's copy of this package may be another one. */
const isSteps = (steps: unknown): boolean =>
  typeof steps === 'string'
    ? steps !== ''
    : Array.isArray(steps) &&
      steps.every(
        (step: unknown) =>
          step !== null && typeof step === 'object' && 'version' in step && 'definition' in step && 'checksum' in step,
      );

const shown = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value) : inspect(value, { depth: 0, breakLength: Infinity });

/** Gives a config file its types. */
export const defineConfig = (options: MigrateSafeOptions): MigrateSafeOptions => options;
