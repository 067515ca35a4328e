// From a URL or a knex configuration to the PostgreSQL server and database that are meant.
import { userInfo } from 'node:os';
import type { Knex } from 'knex';
import { err, ok, type Result } from 'neverthrow';
import { hostOf } from './dao/host-knex.js';
import type { PostgresOptions, PostgresTarget } from './dao/dialects/postgres/target.js';

type Target = Result<PostgresTarget, string>;

export const isPostgresUrl = (url: string): boolean => /^postgres(?:ql)?:/i.test(url);

/** What a URL leaves out, the driver takes from PG* variables and .pgpass; `postgres:` leaves out all. */
export function fromPostgresUrl(url: string): Target {
  return readUrl(url).map((said) => ({
    options: said.hasParts ? { connectionString: completed(url, said) } : asSomebody({}),
    location: locationOf(said),
    host: {},
  }));
}

/** The URL of another database of the same server. */
export function databaseOfServer(url: string, database: string): string {
  const [, scheme = '', host = '', query = ''] = /^([a-z]+:)(?:\/\/([^/?]*))?[^?]*(\?.*)?$/i.exec(url) ?? [];
  return `${scheme}//${host}/${encodeURIComponent(database)}${query}`;
}

export function fromPostgresConfig(config: Knex.Config): Target {
  const { connection } = config;
  if (typeof connection === 'function')
    return err('`database`: connection is a function, which is not called here; give its result, or a URL');
  const host = hostOf(config);
  if (typeof connection === 'string') return fromPostgresUrl(connection).map((target) => ({ ...target, host }));
  const options = (connection ?? {}) as PostgresOptions;
  const { connectionString } = options;
  const said = connectionString === undefined ? ok<Said, string>({}) : readUrl(connectionString);
  return said.map((fromUrl) => ({
    options: connectionString === undefined ? asSomebody(options) : options,
    host,
    location: locationOf({ ...options, ...fromUrl }),
  }));
}

/** Where nobody names a user, the driver takes it from $USER, which services and containers may not have. */
const systemName = (user: string | undefined): string | undefined =>
  user || process.env['PGUSER'] || process.env['USER'] ? undefined : systemUser();

function completed(url: string, { user }: Said): string {
  const name = systemName(user);
  const more = [
    ...(name === undefined ? [] : [`user=${encodeURIComponent(name)}`]),
    // As PostgreSQL's own programs read it, which are given it too; without it the driver warns of what it makes of it.
    ...(/[?&]sslmode=/.test(url) && !url.includes('uselibpqcompat=') ? ['uselibpqcompat=true'] : []),
  ];
  return more.length === 0 ? url : `${url}${url.includes('?') ? '&' : '?'}${more.join('&')}`;
}

function asSomebody(options: PostgresOptions): PostgresOptions {
  const name = systemName(options.user);
  return name === undefined ? options : { ...options, user: name };
}

/** What says where a database is: no user and no secret. */
interface Said {
  readonly host?: string | undefined;
  readonly port?: string | number | undefined;
  readonly database?: string | undefined;
  readonly user?: string | undefined;
}

/** As the driver knows them: what it does not know, also `allow`, it would take for `require`. */
const SSLMODES: readonly string[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

function readUrl(text: string): Result<Said & { readonly hasParts: boolean }, string> {
  // The part before the colon is a scheme that URLs do not know: without a host they would take it for a path.
  const rest = text.slice(text.indexOf(':') + 1);
  if (rest === '' || rest === '//') return ok({ hasParts: false });
  const given = URL.canParse(text) ? new URL(text) : undefined;
  const url =
    given ?? (URL.canParse(text.replace('@/', '@localhost/')) ? new URL(text.replace('@/', '@localhost/')) : undefined);
  if (url === undefined || !rest.startsWith('//'))
    return err('`database`: the URL cannot be read; write postgres://user@host:5432/name (a password with %-escapes)');
  const { searchParams } = url;
  const sslmode = searchParams.get('sslmode');
  if (sslmode !== null && !SSLMODES.includes(sslmode))
    return err(
      `\`database\`: sslmode=${sslmode} is not known here; there are ${SSLMODES.slice(0, -1).join(', ')} and ${SSLMODES.at(-1) ?? ''}`,
    );
  return ok({
    hasParts: true,
    host: searchParams.get('host') ?? (given === undefined ? undefined : decoded(url.hostname)),
    port: searchParams.get('port') ?? url.port,
    database: decoded(url.pathname.slice(1)),
    user: decoded(url.username),
  });
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text) || undefined;
  } catch {
    return text;
  }
}

/** As the driver fills in what is not said: PG* variables, then its own defaults. */
function locationOf(said: Said): string {
  const { PGHOST, PGPORT, PGDATABASE, PGUSER } = process.env;
  const host = said.host || PGHOST || 'localhost';
  const port = String(said.port || PGPORT || 5432);
  const database = said.database || PGDATABASE || said.user || PGUSER || systemUser();
  const server = host.startsWith('/') ? `/${encodeURIComponent(database)}?host=${host}` : undefined;
  const at = port === '5432' ? host : `${host}:${port}`;
  return `postgres://${server ?? `${at}/${encodeURIComponent(database)}`}`;
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return 'postgres';
  }
}
