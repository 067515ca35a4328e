// The command that makes a database that is not there.
import type { PostgresOptions } from './target.js';

/** As it is to be typed where the engine runs: the same server and the same user, and never a password. */
export function createCommand(location: string, options: Pick<PostgresOptions, 'connectionString' | 'user'>): string {
  const url = new URL(location);
  const user = userOf(options);
  const flags = [
    ['-h', url.searchParams.get('host') ?? url.hostname],
    ['-p', url.port || '5432'],
    ...(user === undefined ? [] : [['-U', user]]),
  ];
  return `createdb ${flags.map(([flag, said = '']) => `${flag} ${word(said)} `).join('')}${word(decodeURIComponent(url.pathname.slice(1)))}`;
}

/** Undefined where nobody says: the program then takes the one that the driver takes. */
function userOf({ connectionString, user }: Pick<PostgresOptions, 'connectionString' | 'user'>): string | undefined {
  if (connectionString === undefined || !URL.canParse(connectionString)) return user;
  const url = new URL(connectionString);
  return url.searchParams.get('user') ?? (url.username === '' ? user : decodeURIComponent(url.username));
}

/** Where a word needs no quotes in a shell, as it is. */
const word = (text: string): string => (/^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
