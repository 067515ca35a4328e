// The driver gives and takes UTF-8, whatever `client_encoding` says: where a step sets it otherwise, each umlaut becomes two letters.
import { EventEmitter } from 'node:events';
import type { Client } from 'pg';

/** What the server says of one of its settings, as the driver has it. */
interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

const SAID = new WeakMap<Client, Map<string, string>>();

/** Notes what the server says of its settings, before the client is connected. */
export function listenTo(client: Client): void {
  const said = new Map<string, string>();
  SAID.set(client, said);
  // Its types do not have it, and a driver that is not written in JavaScript has none.
  const wire = 'connection' in client ? client.connection : undefined;
  if (wire instanceof EventEmitter)
    wire.on('parameterStatus', ({ parameterName, parameterValue }: ParameterStatus) =>
      said.set(parameterName, parameterValue),
    );
}

/** Behind a statement of somebody else's: sets the encoding back where that has changed it, and throws. */
export async function keepUtf8(client: Client): Promise<void> {
  const said = SAID.get(client);
  const [server, now = 'UTF8'] = [said?.get('server_encoding'), said?.get('client_encoding')];
  if (now === 'UTF8' || now === 'UNICODE') return;
  // Nothing is converted.
  if (server === 'SQL_ASCII' || (server === 'UTF8' && now === 'SQL_ASCII')) return;
  await client.query(`SET client_encoding = 'UTF8'`);
  throw new Error(
    `client_encoding was set to ${now}, but steps and the driver speak UTF-8: other text than is written would be in the database. Leave the statement out: the server turns UTF-8 into the encoding of the database by itself`,
  );
}
