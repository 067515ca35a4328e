// The one connection that a run of tests makes and drops its databases with.
import { loadDriver, type PostgresDriver } from '../load-driver.js';
import type { PostgresOptions } from '../target.js';

/** The driver's types leave out that its connections need not keep the process going. */
type Client = InstanceType<PostgresDriver['Client']> & { ref(): void; unref(): void };

/** Made with the first question, and anew after it was lost. Keeps the process going only while it is asked something. */
export class Maintenance {
  readonly #options: PostgresOptions;
  readonly #name: string;
  #client: Promise<Client> | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  /** `name`: of the connection, by which other runs see that this one lives. */
  constructor(options: PostgresOptions, name: string) {
    this.#options = options;
    this.#name = name;
  }

  /** One after the other. */
  ask<Row extends object = object>(sql: string, params: readonly unknown[] = []): Promise<readonly Row[]> {
    const answer = this.#tail.then(async () => {
      const client = await (this.#client ??= this.#connected());
      client.ref();
      try {
        return (await client.query<Row>(sql, [...params])).rows;
      } finally {
        client.unref();
      }
    });
    this.#tail = answer.catch(() => undefined);
    return answer;
  }

  async end(): Promise<void> {
    await this.#tail;
    const client = await this.#client;
    this.#client = undefined;
    // Else the process may end in the midst of it.
    client?.ref();
    await client?.end();
  }

  async #connected(): Promise<Client> {
    const lost = (): void => {
      this.#client = undefined;
    };
    try {
      const driver = loadDriver();
      if (driver.isErr())
        throw new Error('the driver pg cannot be loaded: npm install pg', { cause: driver.error.cause });
      const client = new driver.value.Client({ ...this.#options }) as Client;
      // The statement that needs the connection fails by itself.
      client.on('error', lost);
      await client.connect();
      await client.query(`SET application_name = '${this.#name}'`);
      return client;
    } catch (error) {
      lost();
      throw error;
    }
  }
}
