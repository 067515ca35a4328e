// The command that makes a database that is not there.

/** Where the name needs no quotes in a shell, the command as it is to be typed. */
export function createCommand(location: string): string {
  const url = new URL(location);
  const name = decodeURIComponent(url.pathname.slice(1));
  const host = url.searchParams.get('host') ?? url.hostname;
  const at = [`-h ${host}`, ...(url.port === '' ? [] : [`-p ${url.port}`])].join(' ');
  return `createdb ${at} ${/^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`}`;
}
