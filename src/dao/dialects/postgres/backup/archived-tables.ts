// Which tables of an archive are meant by names as people give them, and what the archive says of each.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { nameOf, quoted, sqlName, type QualifiedName } from '../name.js';
import { leavesOf } from '../tables/leaves.js';
import type { ArchiveEntry } from './archive.js';
import { identifiersIn } from './copy-text.js';
import { isOwn } from './table-digests.js';

type Entries = readonly ArchiveEntry[];

export interface MeantTables {
  /** As it was asked for. */
  readonly name: string;
  /** Undefined where the archive has no table of that name. */
  readonly tables: readonly QualifiedName[] | undefined;
}

const same = (a: QualifiedName, b: QualifiedName): boolean => a.schema === b.schema && a.name === b.name;
const isTable = (entry: ArchiveEntry): boolean => entry.kind === 'TABLE' && !isOwn(entry);

/** Where the rows of a table are in the archive. */
export const rowsEntry = (entries: Entries, table: QualifiedName): ArchiveEntry | undefined =>
  entries.find((entry) => entry.kind === 'TABLE DATA' && same(entry, table));

/**
 * Tables with rows of their own. A partitioned table stands for the partitions that it had then, and for those that it has
 * now: what is in a partition that was made since was not in the table.
 */
export function tablesMeant(
  connection: PostgresConnection,
  entries: Entries,
  names: readonly string[],
): ResultAsync<readonly MeantTables[], SqlError> {
  const asked = names.map((name) => ({ name, root: tableNamed(entries, name) }));
  const roots = asked.flatMap(({ root }) => (root === undefined || rowsEntry(entries, root) ? [] : [root]));
  return leavesOf(connection, roots).map((now) =>
    asked.map(({ name, root }) => {
      if (root === undefined) return { name, tables: undefined };
      const current = now.filter(({ parent }) => parent === sqlName(root));
      const all = [...leavesIn(entries, root), ...current].map((leaf) => ({ schema: leaf.schema, name: leaf.name }));
      return { name, tables: all.filter((leaf, at) => all.findIndex((other) => same(other, leaf)) === at) };
    }),
  );
}

function tableNamed(entries: Entries, name: string): QualifiedName | undefined {
  const tables = entries.filter(isTable);
  return (
    tables.find((table) => nameOf(table) === name) ??
    tables.find((table) => nameOf(table).toLowerCase() === name.toLowerCase())
  );
}

/** The table itself, or of a partitioned one the partitions, however deep. */
function leavesIn(entries: Entries, table: QualifiedName): readonly QualifiedName[] {
  if (rowsEntry(entries, table)) return [table];
  return entries.filter((entry) => isPartOf(entry, table)).flatMap((part) => leavesIn(entries, part));
}

/** `ALTER TABLE ONLY parent ATTACH PARTITION child …`, which is named after the child. */
const isPartOf = ({ kind, definition }: ArchiveEntry, table: QualifiedName): boolean => {
  if (kind !== 'TABLE ATTACH') return false;
  const [, parent = ''] = /^ALTER TABLE ONLY ([^]*?) ATTACH PARTITION /.exec(definition) ?? [];
  const [schema = '', name = ''] = identifiersIn(parent);
  return same({ schema, name }, table);
};

/** Whether the archive's table has the column with that type; `type` as the server writes it with an empty search path. */
export function hadColumn(
  entries: Entries,
  table: QualifiedName,
  { name, type }: { readonly name: string; readonly type: string },
): boolean {
  const lines = [quoted(name), name].flatMap((column) => ['    ', '\t'].map((dent) => `\n${dent}${column} ${type}`));
  return definitionsOf(entries, table).some((definition) =>
    lines.some((line) => definition.split(line).slice(1).some(isEndOfType)),
  );
}

/** What may stand behind a column's type, as pg_dump writes it. */
const isEndOfType = (rest: string): boolean =>
  /^(?:,?\n|,? *$| (?:DEFAULT|GENERATED|NOT NULL|NULL|COLLATE|CONSTRAINT)\b)/.test(rest);

/** Where its columns are declared: by itself, by what it inherits from, by the type that it is a table of. */
function definitionsOf(entries: Entries, table: QualifiedName): readonly string[] {
  const own = entries.find((entry) => isTable(entry) && same(entry, table))?.definition ?? '';
  const [, parents = ''] = /\nINHERITS \(([^\n]*)\);?\n*$/.exec(own) ?? [];
  const names = identifiersIn(parents);
  const above = names.flatMap((schema, at) =>
    at % 2 === 0 ? definitionsOf(entries, { schema, name: names[at + 1] ?? '' }) : [],
  );
  const types = entries.filter(
    (entry) => entry.kind === 'TYPE' && own.startsWith(`CREATE TABLE `) && isTypeOf(own, entry),
  );
  return [own, ...above, ...types.map(({ definition }) => definition)];
}

function isTypeOf(definition: string, type: QualifiedName): boolean {
  const [, of = ''] = / OF ((?:"(?:[^"]|"")*"|[\w$]+)\.(?:"(?:[^"]|"")*"|[\w$]+))(?: |;|\n)/.exec(definition) ?? [];
  const [schema = '', name = ''] = identifiersIn(of);
  return same({ schema, name }, type);
}

const VALUE = /, (-?\d+), (true|false)\);\s*$/;

/** How far a sequence had counted. */
export function sequenceValue(
  entries: Entries,
  sequence: QualifiedName,
): { readonly last: string; readonly called: boolean } | undefined {
  const set = entries.find((entry) => entry.kind === 'SEQUENCE SET' && same(entry, sequence));
  const [, last, called] = VALUE.exec(set?.definition ?? '') ?? [];
  return last === undefined ? undefined : { last, called: called === 'true' };
}
