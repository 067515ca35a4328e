// Gives a child process the way to the server: by the environment, its secrets in files that only this user can read.
import { createPrivateKey } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import type { ClientConfig } from 'pg';

/** What the driver makes of its options: these, the URL's, the PG* variables and its defaults, in this order. */
interface Resolved {
  readonly host?: string | null;
  readonly port: number;
  readonly user?: string | null;
  readonly database?: string | null;
  readonly password?: ClientConfig['password'] | null;
  readonly ssl: ClientConfig['ssl'];
  readonly options?: string | null;
  readonly connect_timeout?: number | string;
  readonly sslnegotiation?: string;
}
type Tls = Exclude<ClientConfig['ssl'], boolean | undefined>;
type Pem = NonNullable<Tls['ca']>;

/** A folder of this call that only this user can enter. */
class Keeper {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Writes a file that only this user can read, and says where it is. */
  async keep(name: string, content: string): Promise<string> {
    const file = this.absent(name);
    await writeFile(file, content, { mode: 0o600, flag: 'wx' });
    return file;
  }

  /** The path of a file that is not there. */
  absent(name: string): string {
    return path.join(this.#directory, name);
  }
}

/**
 * Runs `work` with the environment for PostgreSQL's own programs. The password is in a file (PGPASSFILE), never in an
 * argument or a variable, both of which others can list; its folder is gone when `work` ends or this process does.
 */
export async function withToolEnvironment<T>(
  options: ClientConfig,
  work: (env: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(path.join(tmpdir(), 'migrate-safe-'));
  const clear = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', clear);
  try {
    return await work(await environmentFor(await resolve(options), new Keeper(directory)));
  } finally {
    process.removeListener('exit', clear);
    clear();
  }
}

/** The driver itself knows best what its options mean; a client that is never connected costs nothing. */
async function resolve(options: ClientConfig): Promise<Resolved> {
  const { default: pg } = await import('pg');
  const client = new pg.Client(options) as InstanceType<typeof pg.Client> & { readonly connectionParameters: Resolved };
  return client.connectionParameters;
}

async function environmentFor(to: Resolved, files: Keeper): Promise<NodeJS.ProcessEnv> {
  const password = typeof to.password === 'function' ? await to.password() : to.password;
  return {
    ...inherited(),
    ...present({
      PGHOST: to.host,
      PGPORT: String(to.port),
      PGUSER: to.user,
      PGDATABASE: to.database,
      PGOPTIONS: to.options,
      PGCONNECT_TIMEOUT: Number(to.connect_timeout) > 0 ? String(to.connect_timeout) : undefined,
      PGSSLNEGOTIATION: to.sslnegotiation,
    }),
    ...(password ? { PGPASSFILE: await files.keep('password', passLine(password)) } : {}),
    ...(await tlsFor(to.ssl, files)),
    PGAPPNAME: 'migrate-safe',
    // Two dumps of the same rows are the same bytes, whoever asks from where.
    PGTZ: 'UTC',
    // The driver does not know GSSAPI: the programs go the way that it goes.
    PGGSSENCMODE: 'disable',
    // Messages are read here, whatever the language of the user.
    LC_ALL: 'C',
  };
}

/** For programs that work on a file alone. */
export const offlineEnvironment = (): NodeJS.ProcessEnv => ({ ...inherited(), LC_ALL: 'C' });

/** The same server and user, another database. */
export async function toDatabase(options: ClientConfig, database: string): Promise<ClientConfig> {
  const { connectionString: _url, ...rest } = options;
  const { host, port, user, password, ssl } = await resolve(options);
  return { ...rest, ...present({ host, user }), port, ...(password ? { password } : {}), ssl, database };
}

/** This process's environment without what would lead the programs elsewhere, and without secrets that they need not. */
function inherited(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => name === 'PGPASSFILE' || !/^(?:PG|MIGRATE_SAFE_|DATABASE_URL$|LC_|LANGUAGE$)/.test(name),
  );
  return Object.fromEntries(kept);
}

const present = (values: Readonly<Record<string, string | null | undefined>>): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value ? [[name, value]] : [])));

/** https://www.postgresql.org/docs/current/libpq-pgpass.html */
function passLine(password: string): string {
  if (/[\r\n]/.test(password)) throw new Error('a password with a line break cannot be given to pg_dump');
  return `*:*:*:*:${password.replaceAll(/[\\:]/g, (special) => `\\${special}`)}\n`;
}

/** What Node.js would check of the server's certificate, in libpq's words. */
async function tlsFor(ssl: ClientConfig['ssl'], files: Keeper): Promise<NodeJS.ProcessEnv> {
  if (ssl === undefined || ssl === false) return { PGSSLMODE: 'disable' };
  const tls: Tls = ssl === true ? {} : ssl;
  const identity: NodeJS.ProcessEnv = {
    ...(tls.cert ? { PGSSLCERT: await files.keep('client.crt', pem(tls.cert)) } : {}),
    ...(tls.key ? { PGSSLKEY: await files.keep('client.key', keyOf(tls)) } : {}),
  };
  if (tls.rejectUnauthorized === false)
    return { ...identity, PGSSLMODE: 'require', PGSSLROOTCERT: files.absent('no-root.crt') };
  return {
    ...identity,
    // A check of the host's name that was replaced is one that was waived.
    PGSSLMODE: tls.checkServerIdentity === undefined ? 'verify-full' : 'verify-ca',
    PGSSLROOTCERT: await files.keep('root.crt', tls.ca ? pem(tls.ca) : await trusted()),
  };
}

const pem = (parts: Pem | NonNullable<Tls['cert']>): string =>
  (Array.isArray(parts) ? parts : [parts]).map(String).join('\n');

function keyOf({ key, passphrase }: Tls): string {
  const first = Array.isArray(key) ? key[0] : key;
  const text = typeof first === 'object' && 'pem' in first ? first.pem.toString() : (first ?? '').toString();
  if (passphrase === undefined) return text;
  return createPrivateKey({ key: text, passphrase }).export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The authorities that Node.js trusts where none is named. */
async function trusted(): Promise<string> {
  const extra = process.env['NODE_EXTRA_CA_CERTS'];
  return [...rootCertificates, ...(extra ? [await readFile(extra, 'utf8')] : [])].join('\n');
}
