// The engine behind a command: made from the settings when the command needs it, closed when the command is over.
import type { ServiceIdentifier } from 'inversify';
import { errAsync, okAsync, ResultAsync, type Result } from 'neverthrow';
import { parseConfig, type Config } from '../config.js';
import { migrateError, type MigrateError } from '../core/errors/migrate-error.js';
import type { SafeMigrationManager } from '../core/manager/safe-migration-manager.js';
import type { DatabaseInfo } from '../core/ports/database.js';
import { Tokens } from '../tokens.js';
import { resolver } from '../wiring.js';
import { readSettings, withDatabase, type Flags } from './settings.js';

export interface Engine {
  readonly manager: SafeMigrationManager;
  readonly config: Config;
  readonly get: ReturnType<typeof resolver>;
  /** Asked anew each time: the size changes. */
  info(): DatabaseInfo;
}

/** Reads the settings, checks them, and makes the engine; nothing is opened yet. */
export function openEngine(flags: Flags): ResultAsync<Engine, MigrateError> {
  return new ResultAsync(readSettings(flags))
    .andThen(withDatabase)
    .andThen((options) => {
      const parsed: Result<Config, MigrateError> = parseConfig(options).mapErr((error) => migrateError(error));
      return parsed.map((config): Engine => {
        const get = resolver(new Map<ServiceIdentifier, unknown>([[Tokens.Config, parseConfig(options)]]));
        return { manager: get(Tokens.Manager), config, get, info: () => get(Tokens.Database).info };
      });
    });
}

/** Runs `work` with an engine and lets go of its files, whatever comes of it. */
export function withEngine<T>(flags: Flags, work: (engine: Engine) => ResultAsync<T, MigrateError>): ResultAsync<T, MigrateError> {
  return openEngine(flags).andThen((engine) =>
    work(engine)
      .andThen((value) => engine.manager.close().map(() => value))
      .orElse((error) =>
        engine.manager
          .close()
          .orElse(() => okAsync(undefined))
          .andThen(() => errAsync(error)),
      ),
  );
}
