// A client of the driver, as the engine wants it, with what the driver has and its types do not say.
import type { Client, ClientConfig } from 'pg';
import { listenTo } from './client-encoding.js';
import type { PostgresDriver } from './load-driver.js';
import { OWN_TYPES } from './own-types.js';
import { passwordOf } from './password-file.js';

const KEEP_ALIVE_DELAY_MS = 30_000;

/** Not connected yet. */
export function newClient(driver: PostgresDriver, options: ClientConfig): Client {
  const client = new driver.Client({
    application_name: 'migrate-safe',
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    ...options,
    types: OWN_TYPES,
  });
  listenTo(client);
  // The driver would look there as well, and warns that its next version does not.
  if (!client.password) Object.assign(client, { password: () => passwordOf(client) });
  return client;
}

/** The server process that was told of when it connected. */
export const processIdOf = (client: Client): unknown => ('processID' in client ? client.processID : undefined);
