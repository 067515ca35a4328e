// Databases for tests in a server: a template database and its copies, by CREATE DATABASE … TEMPLATE.
import { randomBytes } from 'node:crypto';
import { Stock } from '../../../testing/stock.js';
import type { Copy, Templates } from '../../../testing/templates.js';
import { quoted } from '../name.js';
import type { PostgresOptions } from '../target.js';
import { copying } from './copying.js';
import { Maintenance } from './maintenance.js';

const NAME = /^migrate_safe_testing_[0-9a-f]{12}_(?:template|\d+)$/;

/**
 * Whose run is over: of each the name is that of a connection while it lives, whatever machine it is on.
 * https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
 */
const LEFT_BEHIND = `
  SELECT d.datname AS name FROM pg_database d
  WHERE d.datname LIKE 'migrate\\_safe\\_testing\\_%' AND pg_has_role(d.datdba, 'USAGE') AND NOT EXISTS (
    SELECT FROM pg_stat_activity WHERE application_name = 'migrate-safe-testing ' || split_part(d.datname, '_', 4))`;

const OF_TEMPLATE = `
  SELECT pg_database_size($1)::float8 AS bytes, current_setting('server_version_num')::int AS version`;

/** Nobody but this kit works with the databases. */
export class ServerTemplates implements Templates {
  readonly #urlOf: (database: string) => string;
  readonly #run = randomBytes(6).toString('hex');
  readonly #template = `migrate_safe_testing_${this.#run}_template`;
  readonly #server: Maintenance;
  #isMade = false;
  #stock: Promise<Stock> | undefined;
  #copies = 0;

  /** `options` of any database of the server; `urlOf` another one of it. */
  constructor(options: PostgresOptions, urlOf: (database: string) => string) {
    this.#urlOf = urlOf;
    this.#server = new Maintenance(options, `migrate-safe-testing ${this.#run}`);
  }

  async begin(): Promise<string> {
    for (const { name } of await this.#server.ask<{ name: string }>(LEFT_BEHIND)) {
      // Another run may be removing it, too.
      if (NAME.test(name)) await this.#drop(name).catch(() => undefined);
    }
    this.#isMade = true;
    await this.#server.ask(`CREATE DATABASE ${quoted(this.#template)}`);
    return this.#urlOf(this.#template);
  }

  async copy(): Promise<Copy> {
    this.#stock ??= this.#stocked();
    const stock = await this.#stock;
    const name = await stock.take();
    const remove = (): Promise<void> => {
      stock.giveBack(name);
      return Promise.resolve();
    };
    return { url: this.#urlOf(name), remove };
  }

  async close(): Promise<void> {
    try {
      // Who asked for a copy was told why there is none.
      const stock = await this.#stock?.catch(() => undefined);
      await stock?.close();
      if (this.#isMade) await this.#drop(this.#template);
    } finally {
      this.#isMade = false;
      this.#stock = undefined;
      await this.#server.end();
    }
  }

  abandon(): void {
    // The next run removes what is left: nothing can be said to a server without waiting.
  }

  /** Of a template that is filled. */
  async #stocked(): Promise<Stock> {
    const [of] = await this.#server.ask<{ bytes: number; version: number }>(OF_TEMPLATE, [this.#template]);
    if (of === undefined) throw new Error('the server says nothing of the template');
    const { strategy, bounds } = copying(of);
    const make = async (): Promise<string> => {
      this.#copies += 1;
      const name = `migrate_safe_testing_${this.#run}_${this.#copies}`;
      await this.#server.ask(`CREATE DATABASE ${quoted(name)} TEMPLATE ${quoted(this.#template)}${strategy}`);
      return name;
    };
    return new Stock({ make, drop: (name) => this.#drop(name) }, bounds);
  }

  async #drop(name: string): Promise<void> {
    await this.#server.ask(`DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`);
  }
}
