// Databases of servers that have the same name at different addresses.
import type { StoredDatabase } from '../ports/backup-store.js';

/** `postgres://host:port/name` -> `name`; undefined of a file. */
const nameAt = (location: string): string | undefined => /^[a-z]+:\/\/[^/]*\/([^?]+)/.exec(location)?.[1];

/** Those that have the name of the one at `location`. */
export function namesakes(known: readonly StoredDatabase[], location: string): readonly StoredDatabase[] {
  const name = nameAt(location);
  return name === undefined ? [] : known.filter(({ path }) => nameAt(path) === name);
}
