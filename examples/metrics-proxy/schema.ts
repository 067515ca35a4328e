// The schema of the metrics proxy: which version this program needs, where its steps are, and whether a database lacks any.
import { fileURLToPath } from 'node:url';
import { createMigrateSafe, type MigrateError, type MigrationStep, type SafeMigrationManager } from 'migrate-safe';
import type { ResultAsync } from 'neverthrow';
import type { Knex } from 'knex';
import { CompletionRequests, RequestErrors } from './tables.js';

/** The version that this program needs. Increment it when adding a step to `migrations/`. */
export const CURRENT_SCHEMA_VERSION = '0003';

/** What a build of the program says about its schema. */
export interface Release {
  readonly schemaVersion: string;
  /** Steps written in code, beside those in `migrations/`. */
  readonly steps: readonly MigrationStep[];
}

export const CURRENT_RELEASE: Release = { schemaVersion: CURRENT_SCHEMA_VERSION, steps: [] };

// The compiler does not copy .sql files: the steps are read where they are written, also by the compiled program.
const MIGRATIONS = fileURLToPath(
  new URL('examples/metrics-proxy/migrations', import.meta.resolve('migrate-safe/package.json')),
);

/** The manager of the database that `database` points to. Nothing is opened before its first call. */
export function openSchema(database: Knex, backups: string, { steps }: Release): SafeMigrationManager {
  // A step after which the DAOs could not work is rolled back.
  const contract = [CompletionRequests, RequestErrors];
  const safe = createMigrateSafe({ database, steps: MIGRATIONS, backups, contract });
  for (const step of steps) safe.addMigration(step);
  return safe;
}

/** Whether a step up to the release's version is missing. It reads, and writes nothing. */
export function schemaNeedsMigration(
  safe: SafeMigrationManager,
  { schemaVersion }: Release,
): ResultAsync<boolean, MigrateError> {
  return safe.plan({ to: schemaVersion }).map(({ steps }) => steps.length > 0);
}
