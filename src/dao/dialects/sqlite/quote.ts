// Quotes identifiers for SQLite: hostile names are names like any other.

/** `name` as an identifier in any statement. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** SQLite folds A to Z only (https://sqlite.org/faq.html#q18). */
export { foldAscii as folded } from '../../../core/schema/names.js';
