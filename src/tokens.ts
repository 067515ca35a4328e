// Typed tokens: global symbols at run time, so that two copies of the package still agree on what they mean.
import type { ServiceIdentifier } from 'inversify';
import type { Result } from 'neverthrow';
import type { Config, ConfigError } from './config.js';
import type { ManagerPorts, Policy } from './core/manager/ports.js';
import type { SafeMigrationManager, StepRegistry } from './core/manager/safe-migration-manager.js';
import type { Actor } from './core/events/envelope.js';
import type { BackupStore, JournalMirror } from './core/ports/backup-store.js';
import type { Clock, IdSource } from './core/ports/clock.js';
import type { ContractSource } from './core/ports/contract.js';
import type { Database } from './core/ports/database.js';
import type { DatabaseDoctor } from './core/ports/doctor.js';
import type { StepSource } from './core/ports/step-source.js';
import type { AppDatabase, ReadOnlyDatabase } from './dao/app-database.js';
import type { UnitOfWork } from './dao/unit-of-work.js';

const token = <T>(name: string): ServiceIdentifier<T> => Symbol.for(`migrate-safe/${name}`);

/**
 * What can be asked for; `Clock`, `IdSource`, `Actor`, `Database`, `BackupStore` and `Mirror` can be bound by the host
 * instead, and so can the three of `migrate-safe/dao`: `AppDatabase`, `ReadOnlyDatabase` and `UnitOfWork`.
 */
export const Tokens = {
  Config: token<Result<Config, ConfigError>>('Config'),
  Policy: token<Policy>('Policy'),
  Clock: token<Clock>('Clock'),
  IdSource: token<IdSource>('IdSource'),
  Actor: token<Actor>('Actor'),
  Database: token<Database>('Database'),
  Doctor: token<DatabaseDoctor>('Doctor'),
  StepSource: token<StepSource & StepRegistry>('StepSource'),
  Contract: token<ContractSource>('Contract'),
  BackupStore: token<BackupStore>('BackupStore'),
  Mirror: token<JournalMirror>('Mirror'),
  Ports: token<Omit<ManagerPorts, 'observer'>>('Ports'),
  Manager: token<SafeMigrationManager>('SafeMigrationManager'),
  AppDatabase: token<AppDatabase>('AppDatabase'),
  ReadOnlyDatabase: token<ReadOnlyDatabase>('ReadOnlyDatabase'),
  UnitOfWork: token<UnitOfWork>('UnitOfWork'),
} as const;
