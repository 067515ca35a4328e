// The PostgreSQL that the example works on: the one that the environment names, or one of its own for as long as it runs.
import { findBinaries, startCluster, type Cluster } from './cluster.js';
import { query, quoted, value } from './sql.js';

/** The application's user, as the seed calls it, and its password. */
export interface Login {
  readonly name: string;
  readonly password: string;
}

/** One server, and the databases and the user that the example makes on it. */
export class Server {
  readonly #url: string;
  readonly #cluster: Cluster | undefined;
  readonly #made = new Set<string>();
  #login: Login | undefined;

  constructor(url: string, cluster?: Cluster) {
    this.#url = url;
    this.#cluster = cluster;
  }

  /** Of one of the example's own, which it may lose; undefined where it is somebody's. */
  get ownPort(): number | undefined {
    return this.#cluster?.port;
  }

  /** Connection URL of a database, as the application's user where there is one, else as who the environment says. */
  urlOf(database: string, login = this.#login): string {
    const url = new URL(this.#url);
    url.pathname = `/${database}`;
    if (login !== undefined) {
      url.username = encodeURIComponent(login.name);
      url.password = encodeURIComponent(login.password);
    }
    return url.href;
  }

  version(): Promise<string> {
    return value<string>(this.#url, 'SHOW server_version').then((version) => version ?? 'unknown');
  }

  /** Makes the application's user. Gives back why it cannot be had; then the user of the environment is used throughout. */
  async createUser(login: Login): Promise<string | undefined> {
    try {
      const literal = `'${login.password.replaceAll("'", "''")}'`;
      await query(this.#url, `CREATE ROLE ${quoted(login.name)} LOGIN CREATEDB PASSWORD ${literal}`);
      this.#login = login;
      await query(this.urlOf('postgres', login), 'SELECT 1');
      return undefined;
    } catch (thrown) {
      await this.dropUser();
      return thrown instanceof Error ? thrown.message : String(thrown);
    }
  }

  async dropUser(): Promise<void> {
    const name = this.#login?.name;
    this.#login = undefined;
    if (name !== undefined) await query(this.#url, `DROP ROLE IF EXISTS ${quoted(name)}`);
  }

  /** An empty database that belongs to the application's user. */
  async createDatabase(name: string): Promise<void> {
    const owner = this.#login === undefined ? '' : `OWNER ${quoted(this.#login.name)}`;
    await query(this.#url, `CREATE DATABASE ${quoted(name)} ${owner} TEMPLATE template0`);
    this.#made.add(name);
  }

  async dropDatabase(name: string): Promise<void> {
    await query(this.#url, `DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`);
    this.#made.delete(name);
  }

  /** Whether PostGIS is installed, and whoever this is may add it to a database. */
  async offersPostgis(): Promise<boolean> {
    const offered = await value<boolean>(
      this.#url,
      `SELECT rolsuper AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'postgis')
         FROM pg_roles WHERE rolname = current_user`,
    );
    return offered === true;
  }

  /** Takes away all that was made here, and the server with it where it is the example's own. */
  async leave(): Promise<void> {
    if (this.#cluster !== undefined) return this.#cluster.destroy();
    for (const name of this.#made) await this.dropDatabase(name);
    await this.dropUser();
  }
}

function named(): string | undefined {
  const { DATABASE_URL: url, PGHOST: host } = process.env;
  if (/^postgres(ql)?:/.test(url ?? '')) return url;
  if (host === undefined || host === '') return undefined;
  // The drivers read the rest of the PG* variables by themselves.
  return host.startsWith('/')
    ? `postgres://localhost/postgres?host=${encodeURIComponent(host)}`
    : `postgres://${host}/postgres`;
}

/** Where to work; undefined where no server is named and none can be started. */
export async function findServer(): Promise<Server | undefined> {
  const url = named();
  return url === undefined ? startServer() : new Server(url);
}

/** A new and empty server, where the binaries for one are installed. */
export async function startServer(port?: number): Promise<Server | undefined> {
  const binaries = findBinaries();
  if (binaries === undefined) return undefined;
  const cluster = await startCluster(binaries, port);
  return new Server(cluster.url, cluster);
}
