// Entry `migrate-safe/testing`: a migrated database for every test, as a copy of one that the steps were run in once.
import type { ServiceIdentifier } from 'inversify';
import type { ResultAsync } from 'neverthrow';
import { NoMirror } from './backup/no-mirror.js';
import { parseConfig } from './config.js';
import type { MigrationStep } from './core/steps/migration-step.js';
import type { AppDatabase } from './dao/app-database.js';
import { ServerTemplates } from './dao/dialects/postgres/testing/server-templates.js';
import { FileTemplates } from './dao/dialects/sqlite/testing/file-templates.js';
import type { Templates } from './dao/testing/templates.js';
import { openDatabase } from './open-database.js';
import { databaseOfServer, fromPostgresUrl, isPostgresUrl } from './postgres-target.js';
import { Tokens } from './tokens.js';
import { resolver } from './wiring.js';

/** What a test's database is made of, and where. */
export interface TestKitOptions {
  /** As `createMigrateSafe` takes them: a directory of step files, or steps in code. */
  readonly steps?: string | readonly MigrationStep[];
  /** Namespace of the steps. Default: `main`. */
  readonly component?: string;
  /**
   * URL of any database of a PostgreSQL server, whose user may make databases; nothing is done in that one. Where it is
   * left out, or empty, the databases are SQLite files in the system's temporary folder.
   */
  readonly server?: string | undefined;
  /** Of SQLite. Default: the one that is installed. */
  readonly driver?: 'sqlite3' | 'better-sqlite3';
  /** Writes what every test finds beside the schema; done once. A Result that is an Err fails. */
  readonly seed?: (database: AppDatabase) => PromiseLike<unknown> | ResultAsync<unknown, unknown>;
}

/** A database of one test's own. */
export interface FreshDatabase {
  readonly url: string;
  readonly database: AppDatabase;
  /** Closes its pool and removes it; of a server, at some later time, and before the kit is closed. */
  remove(): Promise<void>;
}

/** Kits that are to be cleared away when the process ends. */
const OPEN = new Set<TestKit>();
let isWatched = false;
function watchTheEnd(): void {
  if (!isWatched) process.on('beforeExit', closeAll).on('exit', abandonAll);
  isWatched = true;
}
const closeAll = (): void => {
  for (const kit of OPEN) kit.close().catch((error: unknown) => console.warn(error));
};
const abandonAll = (): void => {
  for (const kit of OPEN) kit.abandon();
};

/** Throws, and its promises reject, where the database or a step fails: there is nothing that a test could do. */
export class TestKit {
  readonly #options: TestKitOptions;
  readonly #templates: Templates;
  #filled: Promise<void> | undefined;

  constructor(options: TestKitOptions) {
    this.#options = options;
    this.#templates = templatesOf(options);
    watchTheEnd();
    OPEN.add(this);
  }

  /** The first one waits for the steps; the others are copies. */
  async fresh(): Promise<FreshDatabase> {
    this.#filled ??= this.#fill();
    await this.#filled;
    const { url, remove } = await this.#templates.copy();
    const database = openDatabase({ database: url });
    return {
      url,
      database,
      remove: async () => {
        await closed(database);
        await remove();
      },
    };
  }

  /**
   * Removes what is left of all that it made. Where a process ends by itself that happens without it, and what a killed
   * process leaves, the next one removes.
   */
  async close(): Promise<void> {
    OPEN.delete(this);
    await this.#filled?.catch(() => undefined);
    await this.#templates.close();
  }

  /** @internal */
  abandon(): void {
    this.#templates.abandon();
  }

  async #fill(): Promise<void> {
    const { steps, component, seed } = this.#options;
    const url = await this.#templates.begin();
    const config = parseConfig({
      database: url,
      ...(steps === undefined ? {} : { steps }),
      ...(component === undefined ? {} : { component }),
      // There is nothing yet that could be lost, and nobody else.
      fileBackup: 'never',
      tableBackup: 'never',
      guard: 'off',
    });
    const given = new Map<ServiceIdentifier, unknown>([
      [Tokens.Config, config],
      [Tokens.Mirror, new NoMirror()],
    ]);
    const manager = resolver(given)(Tokens.Manager);
    const applied = await manager.up();
    const over = await manager.close();
    const outcome = applied.andThen(() => over);
    if (outcome.isErr()) {
      const { code, message, hint } = outcome.error;
      throw new Error(`the steps cannot be applied to an empty database: ${message} [${code}] ${hint}`, {
        cause: outcome.error,
      });
    }
    if (seed === undefined) return;
    const database = openDatabase({ database: url });
    try {
      const seeded = await seed(database);
      if (isErr(seeded)) throw new Error(`the seed failed: ${JSON.stringify(seeded.error)}`, { cause: seeded.error });
    } finally {
      await closed(database);
    }
  }
}

/**
 * Makes a kit; nothing happens before its first `fresh()`.
 * @example
 * const kit = createTestKit({ steps: './migrations' });
 * const { database, remove } = await kit.fresh();
 */
export const createTestKit = (options: TestKitOptions): TestKit => new TestKit(options);

function templatesOf({ server, driver }: TestKitOptions): Templates {
  if (server === undefined || server === '') return new FileTemplates(driver);
  const target = fromPostgresUrl(server);
  if (!isPostgresUrl(server) || target.isErr())
    throw new TypeError('`server` is the URL of a PostgreSQL server: postgres://user@host:5432/postgres');
  return new ServerTemplates(target.value.options, (database) => databaseOfServer(server, database));
}

async function closed(database: AppDatabase): Promise<void> {
  const result = await database.close();
  if (result.isErr()) throw new Error(result.error.message, { cause: result.error.cause });
}

const isErr = (value: unknown): value is { readonly error: unknown } =>
  value !== null &&
  typeof value === 'object' &&
  'isErr' in value &&
  typeof value.isErr === 'function' &&
  value.isErr() === true;
