// What is printed or written down has no password in it: the driver takes one from PGPASSWORD or ~/.pgpass as well.

/** A database URL without its password; one that cannot be read keeps nothing that may be part of it. */
export function withoutPassword(url: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return url;
  const named = url.replaceAll(/(?<=[?&])password=[^&]*&?/gi, '').replace(/[?&]$/, '');
  return named.replace(URL.canParse(url) ? PASSWORD : CREDENTIALS, '$1@');
}
const PASSWORD = /(?<=:\/\/)([^/?#:@]*):[^/?#]*@/;
const CREDENTIALS = /(?<=:\/\/)([^:@]*):.*@/s;
