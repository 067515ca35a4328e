// A proxy in front of a PostgreSQL server that cuts a connection at a chosen COMMIT: before the server gets it, or before the client hears of it.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * `before`: the server never gets the COMMIT. `answer`: it gets it, and its answer is lost. `late`: the client loses the
 * connection at once, and the server gets the COMMIT a good while after that.
 */
export type Cut = 'before' | 'answer' | 'late';

const LATE_MS = 400;

export interface CuttingProxy {
  readonly url: string;
  /** How many COMMITs have been seen. */
  readonly commits: () => number;
  /** Cuts at the n-th COMMIT from now on, once; how often it has cut is given by `cuts`. */
  arm(nth: number, cut: Cut): void;
  readonly cuts: () => number;
  close(): Promise<void>;
}

// As a simple query and as a statement that is parsed it ends with a zero; psql sends the semicolon as well.
const COMMITS = [Buffer.from('COMMIT\0'), Buffer.from('COMMIT;\0')];

export async function cuttingProxy(url: string): Promise<CuttingProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let commits = 0;
  let cuts = 0;
  let armed: { left: number; readonly cut: Cut } | undefined;

  const server = createServer((client) => {
    const upstream = connect(Number(target.port === '' ? 5432 : target.port), target.hostname);
    let swallowing = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    client.on('data', (chunk: Buffer) => {
      const cut = COMMITS.some((commit) => chunk.includes(commit)) ? cutNow() : undefined;
      if (cut === 'before') {
        cuts += 1;
        client.destroy();
        upstream.destroy();
        return;
      }
      swallowing ||= cut !== undefined;
      if (cut === 'late') {
        client.destroy();
        setTimeout(() => upstream.write(chunk), LATE_MS);
      } else upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (!swallowing) return void client.write(chunk);
      cuts += 1;
      swallowing = false;
      client.destroy();
      upstream.destroy();
    });
    client.on('close', () => {
      if (!swallowing) upstream.destroy();
    });
    upstream.on('close', () => client.destroy());
  });
  const cutNow = (): Cut | undefined => {
    commits += 1;
    if (armed === undefined || --armed.left > 0) return undefined;
    const { cut } = armed;
    armed = undefined;
    return cut;
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxied = new URL(url);
  proxied.hostname = '127.0.0.1';
  proxied.port = String((server.address() as AddressInfo).port);
  return {
    url: proxied.href,
    commits: () => commits,
    cuts: () => cuts,
    arm: (nth, cut) => void (armed = { left: nth, cut }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
