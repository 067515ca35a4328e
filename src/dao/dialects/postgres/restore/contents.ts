// What of an archive is put back, by its table of contents: all but the engine's own schemas, which stay as they are. Pure.
import type { ArchiveEntry } from '../backup/archive.js';

export const KEPT_SCHEMAS = ['migrate_safe', 'migrate_safe_backup'] as const;
const KEPT: ReadonlySet<string> = new Set(KEPT_SCHEMAS);
const OF_KEPT: ReadonlySet<string> = new Set(KEPT_SCHEMAS.map((schema) => `SCHEMA ${schema}`));
/** Objects of the whole database that have the schema of another one in their place of the schema. */
const MEMBERS: ReadonlySet<string> = new Set(['PUBLICATION TABLE', 'PUBLICATION TABLES IN SCHEMA']);

/** The entries to put back, in the archive's order. */
export const restoredEntries = (entries: readonly ArchiveEntry[]): readonly ArchiveEntry[] =>
  entries.filter((entry) => !isKept(entry));

/** A subscription cannot be dropped in a transaction: those of the database stay as they are. */
function isKept({ kind, schema, name }: ArchiveEntry): boolean {
  if (kind === 'SUBSCRIPTION' || kind === 'SUBSCRIPTION TABLE') return true;
  if (kind === 'SCHEMA') return KEPT.has(name);
  if (schema === '') return OF_KEPT.has(name);
  return KEPT.has(schema) && !MEMBERS.has(kind);
}

/** The list that `pg_restore -L` takes: the numbers are what it reads of it. */
export const listOf = (entries: readonly ArchiveEntry[]): string => entries.map(({ id }) => `${id};\n`).join('');

/** Whether the database that the archive is of had a schema `public`, as far as the archive can tell. */
export const namesPublic = (entries: readonly ArchiveEntry[]): boolean =>
  entries.some(
    ({ kind, schema, name }) =>
      schema === 'public' || name === 'SCHEMA public' || (kind === 'SCHEMA' && name === 'public'),
  );

/** The tables whose rows are in the archive. */
export const tablesWithRows = (entries: readonly ArchiveEntry[]): readonly ArchiveEntry[] =>
  entries.filter(({ kind }) => kind === 'TABLE DATA');

/** The locks that making these takes: a table comes with a table and an index for its long values, and what has an index with one. */
export const locksToMake = (entries: readonly ArchiveEntry[]): number =>
  entries.reduce((sum, { kind }) => sum + (LOCKS.get(kind) ?? 0), 0);
const LOCKS: ReadonlyMap<string, number> = new Map([
  ['TABLE', 3],
  ['MATERIALIZED VIEW', 3],
  ['VIEW', 1],
  ['SEQUENCE', 1],
  ['INDEX', 1],
  ['CONSTRAINT', 1],
  ['BLOB', 1],
  ['BLOB METADATA', 1],
]);
