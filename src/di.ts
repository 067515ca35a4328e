// Entry `migrate-safe/di`: what `createMigrateSafe` puts together, as an Inversify module.
import { ContainerModule } from 'inversify';
import { parseConfig, type MigrateSafeOptions } from './config.js';
import { SafeMigrationManager } from './core/manager/safe-migration-manager.js';
import { Tokens } from './tokens.js';
import { wiring } from './wiring.js';

/**
 * For hosts with an Inversify container: `container.load(migrateSafeModule({ database: 'sqlite:app.db' }))`, then
 * `container.get(SafeMigrationManager)`. What the host bound to a replaceable token before loading stays as it is.
 */
export const migrateSafeModule = (options: MigrateSafeOptions): ContainerModule =>
  new ContainerModule(({ bind, isBound }) => {
    bind(Tokens.Config).toConstantValue(parseConfig(options));
    for (const { token, deps, make, replaceable } of wiring) {
      if (replaceable && isBound(token)) continue;
      bind(token)
        .toResolvedValue(make, [...deps])
        .inSingletonScope();
    }
    bind(SafeMigrationManager)
      .toResolvedValue((manager: SafeMigrationManager) => manager, [Tokens.Manager])
      .inSingletonScope();
  });

export { SafeMigrationManager } from './core/manager/safe-migration-manager.js';
export { Tokens } from './tokens.js';
