// Databases for tests in a server: a template database and its copies, by CREATE DATABASE … TEMPLATE.
import { randomBytes } from 'node:crypto';
import type { Copy, Templates } from '../../../testing/templates.js';
import { loadDriver, type PostgresDriver } from '../load-driver.js';
import { quoted } from '../name.js';
import type { PostgresOptions } from '../target.js';

/** The driver's types leave out that its connections need not keep the process going. */
type Client = InstanceType<PostgresDriver['Client']> & { ref(): void; unref(): void };

const NAME = /^migrate_safe_testing_[0-9a-f]{12}_(?:template|\d+)$/;

/**
 * Whose run is over: of each the name is that of a connection while it lives, whatever machine it is on.
 * https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
 */
const LEFT_BEHIND = `
  SELECT d.datname AS name FROM pg_database d
  WHERE d.datname LIKE 'migrate\\_safe\\_testing\\_%' AND pg_has_role(d.datdba, 'USAGE') AND NOT EXISTS (
    SELECT FROM pg_stat_activity WHERE application_name = 'migrate-safe-testing ' || split_part(d.datname, '_', 4))`;

/** Nobody but this kit works with the databases; what is removed needs not be waited for. */
export class ServerTemplates implements Templates {
  readonly #options: PostgresOptions;
  readonly #urlOf: (database: string) => string;
  readonly #run = randomBytes(6).toString('hex');
  readonly #made = new Set<string>();
  #client: Promise<Client> | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #copies = 0;
  #spare: Promise<Copy> | undefined;

  /** `options` of any database of the server; `urlOf` another one of it. */
  constructor(options: PostgresOptions, urlOf: (database: string) => string) {
    this.#options = options;
    this.#urlOf = urlOf;
  }

  async begin(): Promise<string> {
    for (const { name } of await this.#ask(LEFT_BEHIND)) {
      // Another run may be removing it, too.
      if (NAME.test(name)) await this.#ask(dropping(name)).catch(() => undefined);
    }
    await this.#create(this.#template, '');
    return this.#urlOf(this.#template);
  }

  /** The next one is made while the test works with this one. */
  copy(): Promise<Copy> {
    const copy = this.#spare ?? this.#copy();
    this.#spare = this.#copy();
    this.#spare.catch(() => undefined);
    return copy;
  }

  async close(): Promise<void> {
    if (this.#client === undefined) return;
    await this.#spare?.catch(() => undefined);
    this.#spare = undefined;
    for (const name of this.#made) await this.#drop(name);
    const client = await this.#client;
    this.#client = undefined;
    // Else the process may end in the midst of it.
    client.ref();
    await client.end();
  }

  abandon(): void {
    // The next run removes what is left: nothing can be said to a server without waiting.
  }

  async #copy(): Promise<Copy> {
    this.#copies += 1;
    const name = `migrate_safe_testing_${this.#run}_${this.#copies}`;
    await this.#create(name, ` TEMPLATE ${quoted(this.#template)}`);
    const remove = (): Promise<void> => {
      // What fails here is tried again when the kit is closed.
      this.#drop(name).catch(() => undefined);
      return Promise.resolve();
    };
    return { url: this.#urlOf(name), remove };
  }

  get #template(): string {
    return `migrate_safe_testing_${this.#run}_template`;
  }

  async #create(name: string, of: string): Promise<void> {
    this.#made.add(name);
    await this.#ask(`CREATE DATABASE ${quoted(name)}${of}`);
  }

  async #drop(name: string): Promise<void> {
    await this.#ask(dropping(name));
    this.#made.delete(name);
  }

  /** One after the other. The connection keeps the process going only while it is asked something. */
  #ask(sql: string): Promise<readonly { readonly name: string }[]> {
    const answer = this.#tail.then(async () => {
      this.#client ??= this.#connected();
      const client = await this.#client;
      client.ref();
      try {
        return (await client.query<{ name: string }>(sql)).rows;
      } finally {
        client.unref();
      }
    });
    this.#tail = answer.catch(() => undefined);
    return answer;
  }

  async #connected(): Promise<Client> {
    const driver = loadDriver();
    if (driver.isErr())
      throw new Error('the driver pg cannot be loaded: npm install pg', { cause: driver.error.cause });
    const client = new driver.value.Client({ ...this.#options }) as Client;
    // The statement that needs the connection fails by itself.
    client.on('error', () => undefined);
    await client.connect();
    await client.query(`SET application_name = 'migrate-safe-testing ${this.#run}'`);
    return client;
  }
}

const dropping = (name: string): string => `DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`;
