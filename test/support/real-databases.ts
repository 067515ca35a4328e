// Projects that begin with databases nobody here wrote (test/data), in either journal mode, with or without a host that holds them open.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import knexFactory from 'knex';
import type { MigrateSafeOptions, MigrationStep, SafeMigrationManager } from 'migrate-safe';
import { DRIVERS, project, value, type Driver, type Project } from './project.js';
import { Truth } from './truth.js';

export type RealDatabase = 'chinook.sqlite' | 'sakila.sqlite' | 'kuma_template.db';

/** How a history is run. */
export interface Setting {
  readonly driver: Driver;
  readonly journal: 'delete' | 'wal';
  /** `knex`: the application's own knex instance, foreign keys on, is passed and stays open while the engine works. */
  readonly host: 'url' | 'knex';
}

/** Either driver in either mode, and each of them once with a host and once without. */
export const SETTINGS: readonly Setting[] = DRIVERS.flatMap((driver, i) =>
  (['delete', 'wal'] as const).map((journal, j): Setting => ({ driver, journal, host: i === j ? 'knex' : 'url' })),
);

/** Says a setting in the title of a test. */
export const titled = ({ driver, journal, host }: Setting): string =>
  `${driver}, journal mode ${journal}, ${host === 'knex' ? "the host's own knex with foreign keys on" : 'a URL'}`;

function packageRoot(): string {
  let directory = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(directory, 'package.json'))) directory = path.dirname(directory);
  return directory;
}

const unpacked = new Map<RealDatabase, Buffer>();

/** The database's bytes, as they were published. */
export function published(name: RealDatabase): Buffer {
  const bytes = unpacked.get(name) ?? gunzipSync(readFileSync(path.join(packageRoot(), 'test', 'data', `${name}.gz`)));
  unpacked.set(name, bytes);
  return bytes;
}

/** A project on a published database, and the truth that is kept beside it. */
export interface RealProject {
  readonly p: Project;
  /** The truth; what a test expects from here on is said by changing it. */
  truth: Truth;
  /** Runs one operation with a fresh manager that knows `registered` beside the step files. */
  run<T>(
    operation: (safe: SafeMigrationManager) => PromiseLike<T>,
    registered?: readonly MigrationStep[],
    options?: Partial<MigrateSafeOptions>,
  ): Promise<T>;
  /** Every row is as the truth says, and the journal is whole. */
  check(): Promise<void>;
}

/** Puts the database in place, in the journal mode of the setting; `prepare` is run before the truth is read. */
export function realProject(name: RealDatabase, { driver, journal, host }: Setting, prepare = ''): RealProject {
  const p = project(driver);
  const original = path.join(p.directory, 'original.db');
  for (const file of [p.file, original]) writeFileSync(file, published(name));
  p.sql(`PRAGMA journal_mode = ${journal}; ${prepare}`);
  const truth = prepare === '' ? Truth.of(original) : Truth.of(p.file);
  const real: RealProject = {
    p,
    truth,
    run: async (operation, registered = [], options = {}) => {
      const knex = host === 'knex' ? hostKnex(driver, p.file) : undefined;
      // A connection of the host that has read the database before and is there while the engine works.
      if (knex !== undefined) await knex.raw('SELECT count(*) FROM sqlite_schema');
      const safe = p.manager({ ...(knex === undefined ? {} : { database: knex }), ...options });
      for (const step of registered) safe.addMigration(step);
      try {
        return await operation(safe);
      } finally {
        value(await safe.close());
        if (knex !== undefined) {
          expect(await knex.raw('PRAGMA foreign_keys')).to.deep.equal([{ foreign_keys: 1 }]);
          await knex.destroy();
        }
      }
    },
    check: async () => {
      expect(real.truth.differences(p.file)).to.deep.equal([]);
      value(await p.manager().audit());
      expect(p.rows('PRAGMA journal_mode')).to.deep.equal([{ journal_mode: journal }]);
    },
  };
  return real;
}

interface RawConnection {
  run?: (sql: string, done: (error: Error | null) => void) => void;
  pragma?: (sql: string) => unknown;
}

function hostKnex(client: Driver, filename: string): ReturnType<typeof knexFactory> {
  const afterCreate = (raw: RawConnection, done: (error: Error | null) => void): void => {
    if (raw.run !== undefined) return raw.run('PRAGMA foreign_keys = ON', done);
    raw.pragma?.('foreign_keys = ON');
    done(null);
  };
  return knexFactory({
    client,
    connection: { filename },
    useNullAsDefault: true,
    pool: { min: 1, max: 1, afterCreate },
  });
}
