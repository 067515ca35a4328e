// Entry `migrate-safe/dao/di`: the application's database as an Inversify module. Loads knex and zod, as `migrate-safe/dao` does.
import { ContainerModule, type ContainerModuleLoadOptions, type ServiceIdentifier } from 'inversify';
import type { ReadOnlyDatabase } from './dao/app-database.js';
import { openDatabase, openReadOnlyDatabase, type OpenDatabaseOptions } from './open-database.js';
import { Tokens } from './tokens.js';

/**
 * Binds `Tokens.AppDatabase`, `Tokens.ReadOnlyDatabase` and `Tokens.UnitOfWork`, each one object for the whole process:
 * one pool, opened when something first asks for it and closed by `container.unloadAsync` or `unbindAllAsync`. A unit of
 * work belongs to the calls inside it, not to an object: requests share the objects and never their transactions. What
 * the host bound before loading stays as it is. The read-only database has a pool of its own.
 * @example
 * container.load(databaseModule({ database: 'postgres://app@db/shop' }), ordersModule);
 */
export const databaseModule = (options: OpenDatabaseOptions): ContainerModule =>
  new ContainerModule((load) => {
    bindDatabase(load, Tokens.AppDatabase, () => openDatabase(options));
    bindDatabase(load, Tokens.ReadOnlyDatabase, () => openReadOnlyDatabase(options));
    bindUnitOfWork(load, Tokens.AppDatabase);
  });

/**
 * The same for a process that must not write: `Tokens.AppDatabase` is left unbound, so that a DAO which could write
 * cannot be had, and `Tokens.UnitOfWork` is that of the read-only database.
 */
export const readOnlyDatabaseModule = (options: OpenDatabaseOptions): ContainerModule =>
  new ContainerModule((load) => {
    bindDatabase(load, Tokens.ReadOnlyDatabase, () => openReadOnlyDatabase(options));
    bindUnitOfWork(load, Tokens.ReadOnlyDatabase);
  });

function bindDatabase<T extends ReadOnlyDatabase>(
  { bind, isBound }: ContainerModuleLoadOptions,
  token: ServiceIdentifier<T>,
  open: () => T,
): void {
  if (isBound(token)) return;
  bind(token)
    .toResolvedValue(open)
    .inSingletonScope()
    .onDeactivation(async (database) => {
      const closed = await database.close();
      if (closed.isErr()) throw new Error(closed.error.message, { cause: closed.error.cause });
    });
}

function bindUnitOfWork<T extends ReadOnlyDatabase>(
  { bind, isBound }: ContainerModuleLoadOptions,
  of: ServiceIdentifier<T>,
): void {
  if (isBound(Tokens.UnitOfWork)) return;
  bind(Tokens.UnitOfWork)
    .toResolvedValue((database: T) => database.unitOfWork, [of])
    .inSingletonScope();
}

export { Tokens } from './tokens.js';
