// What of an archive is put back, by its table of contents: all but the engine's own schemas, which stay as they are. Pure.
import type { ArchiveEntry } from '../backup/archive.js';
import { quoted } from '../name.js';
import { NONE_KEPT, type KeptExtensions } from './kept-extensions.js';

export const KEPT_SCHEMAS = ['migrate_safe', 'migrate_safe_backup'] as const;
const KEPT: ReadonlySet<string> = new Set(KEPT_SCHEMAS);
const OF_KEPT: ReadonlySet<string> = new Set(KEPT_SCHEMAS.map((schema) => `SCHEMA ${schema}`));
/** Objects of the whole database that have the schema of another one in their place of the schema. */
const MEMBERS: ReadonlySet<string> = new Set(['PUBLICATION TABLE', 'PUBLICATION TABLES IN SCHEMA']);

/** The entries to put back, in the archive's order; `extensions`: those that stay. */
export function restoredEntries(
  entries: readonly ArchiveEntry[],
  extensions: KeptExtensions = NONE_KEPT,
): readonly ArchiveEntry[] {
  const stays = isOfKept(extensions);
  return entries.filter((entry) => !isKept(entry) && !stays(entry));
}

/** What an extension that stays has, and need not get; also what only its owner could give it. */
function isOfKept({ names, schemas, members, config }: KeptExtensions): (entry: ArchiveEntry) => boolean {
  const extensions = new Set(names);
  const tags = new Set(names.flatMap((name) => tagsOf('EXTENSION', name)));
  const there = new Set(schemas.map(({ name }) => name));
  const foreign = new Set(schemas.filter(({ own }) => !own).flatMap(({ name }) => tagsOf('SCHEMA', name)));
  const objects = new Set(members.map(({ schema, tag }) => JSON.stringify([schema, tag])));
  const sealed = new Set(
    config.filter(({ writable }) => !writable).map((table) => JSON.stringify([table.schema, table.name])),
  );
  return ({ kind, schema, name }) => {
    switch (kind) {
      case 'EXTENSION':
        return extensions.has(name);
      case 'SCHEMA':
        return name !== 'public' && there.has(name);
      case 'COMMENT':
      case 'SECURITY LABEL':
        return schema === '' && (tags.has(name) || foreign.has(name));
      case 'ACL':
        return objects.has(JSON.stringify([schema, name])) || (schema === '' && foreign.has(name));
      case 'TABLE DATA':
      case 'SEQUENCE SET':
        return sealed.has(JSON.stringify([schema, name]));
      default:
        return false;
    }
  };
}

/** A name that is part of a longer one is in quotes where a statement needs them. */
const tagsOf = (kind: string, name: string): readonly string[] => [`${kind} ${name}`, `${kind} ${quoted(name)}`];

/** A subscription cannot be dropped in a transaction: those of the database stay as they are. */
function isKept({ kind, schema, name }: ArchiveEntry): boolean {
  if (kind === 'SUBSCRIPTION' || kind === 'SUBSCRIPTION TABLE') return true;
  if (kind === 'SCHEMA') return KEPT.has(name);
  if (schema === '') return OF_KEPT.has(name);
  return KEPT.has(schema) && !MEMBERS.has(kind);
}

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
