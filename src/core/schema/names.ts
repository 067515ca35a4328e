// Names of database objects: when two of them are the same, and how they are ordered.
import type { IdentifierRule } from './snapshot.js';

/** Lower-cases A-Z only, as SQLite compares names: `Ä` and `ä` stay two names. */
export function foldAscii(name: string): string {
  return /[A-Z]/.test(name) ? name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : name;
}

/** The form in which two names are equal exactly when the database takes them for the same. */
export function foldName(name: string, rule: IdentifierRule): string {
  return rule === 'exact' ? name : foldAscii(name);
}

/** Orders by UTF-16 code units: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
