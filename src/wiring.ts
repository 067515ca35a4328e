// The composition root: the one table that says what is made of what. No framework is loaded by it.
import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import type { ServiceIdentifier } from 'inversify';
import { FileBackupStore } from './backup/file-store.js';
import { FileMirror } from './backup/file-mirror.js';
import { NoMirror } from './backup/no-mirror.js';
import type { Result } from 'neverthrow';
import { isInMemory } from './target.js';
import type { Config, ConfigError } from './config.js';
import { DEFAULT_POLICY } from './core/manager/ports.js';
import { SafeMigrationManager } from './core/manager/safe-migration-manager.js';
import { systemClock } from './core/ports/clock.js';
import type { Database } from './core/ports/database.js';
import type { DatabaseDoctor } from './core/ports/doctor.js';
import { PostgresDoctor } from './dao/dialects/postgres/doctor.js';
import { PostgresDatabase } from './dao/dialects/postgres/postgres-database.js';
import { LazyPostgresSplitter } from './dao/dialects/postgres/script-splitter.js';
import { SqliteDoctor } from './dao/dialects/sqlite/doctor.js';
import { SqliteScriptSplitter } from './dao/dialects/sqlite/sql/script.js';
import { SqliteDatabase } from './dao/dialects/sqlite/sqlite-database.js';
import { contractSource } from './steps/contract-source.js';
import { DirectorySource } from './steps/directory-source.js';
import { loadDeclarations, loadModule, loadStepModule } from './steps/load-module.js';
import { RegisteredSteps } from './steps/step-registry.js';
import { Tokens } from './tokens.js';
import { UnconfiguredDatabase } from './unconfigured-database.js';
import { VERSION } from './version.js';

export { loadModule };

/** One binding: what is made, from what, how. */
export interface Wire<T = unknown> {
  readonly token: ServiceIdentifier<T>;
  readonly deps: readonly ServiceIdentifier[];
  readonly make: (...deps: unknown[]) => T;
  /** A host may bring its own. */
  readonly replaceable: boolean;
}

/** The types of `deps` must fit the parameters of `make`, in order: checked at compile time. */
const wire = <T, A extends unknown[]>(
  token: ServiceIdentifier<T>,
  deps: readonly [...{ [K in keyof A]: ServiceIdentifier<A[K]> }],
  make: (...deps: A) => T,
  replaceable: 'replaceable' | 'fixed' = 'fixed',
): Wire<T> => ({ token, deps, make: make as Wire<T>['make'], replaceable: replaceable === 'replaceable' });

const NO_STEPS: Config['steps'] = { registered: [] };
const ENGINE = `migrate-safe ${VERSION}`;

export const wiring: readonly Wire[] = [
  wire(Tokens.Clock, [], () => systemClock, 'replaceable'),
  wire(
    Tokens.IdSource,
    [],
    () => {
      let drawn = '';
      return {
        // One call to the system gives what the attempts of a whole run are named by.
        hex: (length: number) => {
          while (drawn.length < length) drawn += randomBytes(1024).toString('hex');
          const id = drawn.slice(0, length);
          drawn = drawn.slice(length);
          return id;
        },
      };
    },
    'replaceable',
  ),
  wire(
    Tokens.Actor,
    [],
    () => ({ user: userName(), host: hostname(), pid: process.pid, engine: ENGINE }),
    'replaceable',
  ),
  wire(Tokens.Policy, [Tokens.Config], (config) => config.map(({ policy }) => policy).unwrapOr(DEFAULT_POLICY)),
  wire(
    Tokens.Database,
    [Tokens.Config],
    (config) =>
      config.match(
        ({ target }): Database =>
          target.dialect === 'postgres' ? new PostgresDatabase(target) : new SqliteDatabase(target),
        (error) => new UnconfiguredDatabase(error),
      ),
    'replaceable',
  ),
  wire(Tokens.Doctor, [Tokens.Config], (config) =>
    config.match(
      ({ target }): DatabaseDoctor =>
        target.dialect === 'postgres' ? new PostgresDoctor(target.options, target.location) : new SqliteDoctor(target),
      () => ({ examine: () => Promise.resolve([]) }),
    ),
  ),
  wire(Tokens.StepSource, [Tokens.Config], (config) => {
    const steps = config.map((one) => one.steps).unwrapOr(NO_STEPS);
    const component = config.map(({ policy }) => policy.component).unwrapOr(DEFAULT_POLICY.component);
    const isPostgres = config.isOk() && config.value.target.dialect === 'postgres';
    const splitter = isPostgres ? new LazyPostgresSplitter() : new SqliteScriptSplitter();
    const { directory } = steps;
    const files =
      directory === undefined
        ? undefined
        : new DirectorySource({ directory, component, splitter, loadModule: loadStepModule, missing: 'refuse' });
    const source = new RegisteredSteps(files);
    for (const step of steps.registered) source.add(step);
    return source;
  }),
  wire(Tokens.Contract, [Tokens.Config], (config) =>
    contractSource(config.map(({ contract }) => contract).unwrapOr(undefined), loadDeclarations),
  ),
  wire(
    Tokens.BackupStore,
    [Tokens.Config, Tokens.Clock, Tokens.IdSource],
    (config, clock, ids) => new FileBackupStore(backupsOf(config), clock, ids, ENGINE),
    'replaceable',
  ),
  wire(
    Tokens.Mirror,
    [Tokens.Config],
    (config) =>
      config.isErr() || isInMemory(config.value.target) ? new NoMirror() : new FileMirror(backupsOf(config)),
    'replaceable',
  ),
  wire(
    Tokens.Ports,
    [
      Tokens.Database,
      Tokens.StepSource,
      Tokens.BackupStore,
      Tokens.Mirror,
      Tokens.Contract,
      Tokens.Clock,
      Tokens.IdSource,
      Tokens.Actor,
    ],
    (database, source, store, mirror, contract, clock, ids, actor) => ({
      database,
      source,
      store,
      mirror,
      contract,
      clock,
      ids,
      actor,
    }),
  ),
  wire(
    Tokens.Manager,
    [Tokens.Ports, Tokens.Policy, Tokens.StepSource],
    (ports, policy, registry) =>
      new SafeMigrationManager(ports, policy, registry, (thrown) =>
        process.emitWarning(thrown instanceof Error ? thrown : String(thrown)),
      ),
  ),
];

const backupsOf = (config: {
  map<T>(f: (value: { readonly backups: string }) => T): { unwrapOr(other: T): T };
}): string => config.map(({ backups }) => backups).unwrapOr('./backups');

/** A user without an entry in the system's list has no name: that stops no migration. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** What `config`, or the error in it, makes. */
export const resolverFor = (config: Result<Config, ConfigError>): ReturnType<typeof resolver> =>
  resolver(new Map<ServiceIdentifier, unknown>([[Tokens.Config, config]]));

/** Resolves tokens lazily, each once: all that people without a container need. */
export function resolver(given: ReadonlyMap<ServiceIdentifier, unknown>): <T>(token: ServiceIdentifier<T>) => T {
  const made = new Map(given);
  const get = <T>(token: ServiceIdentifier<T>): T => {
    if (!made.has(token)) {
      const found = wiring.find((one) => one.token === token);
      if (!found) throw new Error(`migrate-safe: nothing is bound to ${String(token)}`);
      made.set(token, found.make(...found.deps.map((dependency) => get(dependency))));
    }
    return made.get(token) as T;
  };
  return get;
}
