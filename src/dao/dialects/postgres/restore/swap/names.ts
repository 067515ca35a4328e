// The names of the databases that a swap makes and leaves. Pure.
import { sha256 } from '../../../../../core/brands.js';

/** As PostgreSQL is built: what is longer is cut without a word. */
export const MOST_NAME_BYTES = 63;
const STAMP_DIGITS = 14;

/** All that is not yet what it is to become begins so. */
export const HALF_FILLED = 'migrate_safe_restore_';

/** All that was begun for one live database begins so, whatever its name is made of. */
export const newNamePrefix = (live: string): string => `${HALF_FILLED}${sha256(live).slice(0, 12)}_`;

/** `id`: hexadecimal. */
export const newName = (live: string, id: string): string => `${newNamePrefix(live)}${id.slice(0, 12)}`;

/** What the names of databases that swaps kept begin with; 14 digits of the time come after it. */
export function keptNamePrefix(live: string): string {
  const end = '_before_';
  let name = live;
  while (Buffer.byteLength(name) > MOST_NAME_BYTES - end.length - STAMP_DIGITS) name = [...name].slice(0, -1).join('');
  return `${name}${end}`;
}

export const keptName = (live: string, now: Date): string =>
  keptNamePrefix(live) + now.toISOString().replaceAll(/\D/g, '').slice(0, STAMP_DIGITS);
