// The public API. Importing it loads neither a driver, nor knex, nor Inversify.
import type { ServiceIdentifier } from 'inversify';
import { parseConfig, type MigrateSafeOptions } from './config.js';
import type { SafeMigrationManager } from './core/manager/safe-migration-manager.js';
import { Tokens } from './tokens.js';
import { resolver } from './wiring.js';

/**
 * Makes a manager, without a container, and without touching the database. Options that are not valid show as the error
 * (`config-invalid`) of the first call.
 * @example
 * const safe = createMigrateSafe({ database: 'sqlite:app.db', steps: './migrations', backups: './backups' });
 * const outcome = await safe.up();
 * await safe.close();
 * @example
 * const safe = createMigrateSafe({ database: 'postgres://app@db.internal/shop', steps: './migrations' });
 */
export function createMigrateSafe(options: MigrateSafeOptions): SafeMigrationManager {
  return resolver(new Map<ServiceIdentifier, unknown>([[Tokens.Config, parseConfig(options)]]))(Tokens.Manager);
}

export { defineConfig, type MigrateSafeOptions } from './config.js';
export { SafeMigrationManager } from './core/manager/safe-migration-manager.js';
export { MigrationStep, defineStep } from './core/steps/migration-step.js';
export type { Declarations, StepDefinition, StepHandle, StepWork } from './core/steps/migration-step.js';
export type { DatabaseState, MigrateError, StepLocation } from './core/errors/migrate-error.js';
export type { ErrorFacts, ErrorKind } from './core/errors/facts.js';
export type { DomainEvent, EventType, StepIdentity } from './core/events/event.js';
export type { Actor, RecordedEvent, StoredEvent } from './core/events/envelope.js';
export type { AppliedStep } from './core/history/history.js';
export type { AuditReport } from './core/manager/audit.js';
export type { PlannedStep, PlanReport, StatusReport } from './core/manager/inspect-state.js';
export type { Progress } from './core/manager/progress.js';
export type { DownReport, RevertReport } from './core/manager/run-down.js';
export type { CheckReport } from './core/manager/run-check.js';
export type { BackupChoice } from './core/manager/choose-backup.js';
export type { CopyReport } from './core/manager/restore-as-copy.js';
export type { RestorePreview, RestoreReport } from './core/manager/restore-context.js';
export type { StampReport } from './core/manager/run-stamp.js';
export type { StepReport } from './core/manager/step-attempt.js';
export type { UpReport } from './core/manager/plan-up.js';
export type { BackupListing, BackupManifest, StoredBackup } from './core/ports/backup-store.js';
export type { Effects, TableEffects } from './core/events/effects.js';
export type { ContractFinding } from './core/schema/contract-finding.js';
export type { ContractDao, ContractMember, ContractQuery, ContractTable } from './core/schema/read-contract.js';
export type { GuardFinding } from './core/schema/guard.js';
export type { StepState, StepStatus } from './core/steps/planner.js';
