// A proxy in front of a PostgreSQL server that strikes when a statement passes by: before the server gets it, or when it has answered.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Strike {
  /** Of what a client sends. */
  readonly statement: RegExp;
  /** Only from the moment on when this was sent as well. */
  readonly behind?: RegExp;
  /** `before`: the server never gets it. `after`: it gets it, and nobody hears its answer. */
  readonly when: 'before' | 'after';
  /** Called once. */
  readonly strike: () => void;
}

export interface StrikingProxy {
  readonly url: string;
  readonly struck: () => boolean;
  close(): Promise<void>;
}

/** All connections are cut at the strike. */
export async function strikingProxy(url: string, { statement, behind, when, strike }: Strike): Promise<StrikingProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let [armed, struck] = [behind === undefined, false];
  const cut = (): void => {
    strike();
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    const upstream = connect(Number(target.port === '' ? 5432 : target.port), target.hostname);
    let isOver = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    client.on('data', (chunk: Buffer) => {
      const text = struck ? '' : chunk.toString('latin1');
      armed ||= behind?.test(text) === true;
      if (armed && !struck && statement.test(text)) {
        struck = true;
        if (when === 'before') return cut();
        isOver = true;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (isOver) cut();
      else client.write(chunk);
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    struck: () => struck,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
