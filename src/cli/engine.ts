// The engine behind a command: made from the settings when the command needs it, closed when the command is over.
import { errAsync, okAsync, ResultAsync, type Result } from 'neverthrow';
import { parseConfig, type Config } from '../config.js';
import { migrateError, type MigrateError } from '../core/errors/migrate-error.js';
import type { SafeMigrationManager } from '../core/manager/safe-migration-manager.js';
import type { DatabaseInfo } from '../core/ports/database.js';
import { Tokens } from '../tokens.js';
import { resolverFor } from '../wiring.js';
import { readSettings, withDatabase, type Flags } from './settings.js';

export interface Engine {
  readonly manager: SafeMigrationManager;
  readonly config: Config;
  readonly get: ReturnType<typeof resolverFor>;
  /** Asked anew each time: the size changes. */
  info(): DatabaseInfo;
}

/** Reads the settings, checks them, and makes the engine; nothing is opened yet. */
export function openEngine(flags: Flags): ResultAsync<Engine, MigrateError> {
  return new ResultAsync(readSettings(flags)).andThen(withDatabase).andThen(({ options, variables }) => {
    const where = variables.length === 0 ? [] : [`the configuration (with ${variables.join(', ')} set)`];
    const parsed = parseConfig(options, ...where);
    const checked: Result<Config, MigrateError> = parsed.mapErr((error) => migrateError(error));
    return checked.map((config): Engine => {
      const get = resolverFor(parsed);
      return { manager: get(Tokens.Manager), config, get, info: () => get(Tokens.Database).info };
    });
  });
}

/** Runs `work` with an engine and lets go of its files, whatever comes of it. */
export function withEngine<T>(
  flags: Flags,
  work: (engine: Engine) => ResultAsync<T, MigrateError>,
): ResultAsync<T, MigrateError> {
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
