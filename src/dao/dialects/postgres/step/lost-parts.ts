// What a table lost without its having been named: keys, exclusions, defaults, policies and rules. Pure.
import type { LostObject } from '../../../../core/ports/step-transaction.js';
import type { ForeignKeySnapshot, SchemaSnapshot, TableSnapshot } from '../../../../core/schema/snapshot.js';
import { parseName } from '../name.js';

/** What the step's own statements say, and how things are called now. */
export interface Naming {
  /** Whether a statement of the step named it to be taken away, or to have another name. */
  readonly isNamed: (bare: string) => boolean;
  /** The name now of a table or view that was called `name`; undefined where it is gone. */
  readonly nameNow: (name: string) => string | undefined;
  /** Whether that table was dropped, and another one made in its place. */
  readonly isReplaced: (table: string) => boolean;
  /** The name now of a column that a table had; undefined where it is gone. */
  readonly columnNow: (table: string, column: string) => string | undefined;
  /** What a column of that number was called; undefined where it is called so still. */
  readonly columnBefore: (table: string, number: number) => string | undefined;
}

/** A table before and after. */
export interface Kept {
  readonly before: TableSnapshot;
  readonly after: TableSnapshot;
}

/** Objects of other kinds that are part of a table or a view. */
export const ATTACHED: ReadonlySet<string> = new Set(['policy', 'rule']);

const isPartition = ({ options = [] }: TableSnapshot): boolean =>
  options.some((option) => option.startsWith('partition of '));
/** Its constraints are then told with its table's. */
export const becamePartition = (before: TableSnapshot, after: TableSnapshot): boolean =>
  isPartition(after) && !isPartition(before);

const constraint = (table: string, name: string, reason: string): LostObject => ({
  type: 'constraint',
  name,
  table,
  reason,
});

/** Primary key, foreign keys and exclusions, where one of their columns is there still and nothing says the same. */
export function lostKeys({ before, after }: Kept, naming: Naming): readonly LostObject[] {
  const columnsNow = (columns: readonly string[]): readonly string[] =>
    columns.flatMap((column) => naming.columnNow(before.name, column) ?? []);
  const primary = before.primaryKey;
  const columns = primary?.terms.map(({ column }) => column) ?? [];
  const name = (primary?.name ?? '').replace(DEFERRABLE, '');
  const isPrimaryLost =
    primary !== undefined && after.primaryKey === undefined && columnsNow(columns).length > 0 && !naming.isNamed(name);
  const says = (key: ForeignKeySnapshot, other: ForeignKeySnapshot): boolean =>
    other.references.table === naming.nameNow(key.references.table) &&
    other.columns.join('\0') === columnsNow(key.columns).join('\0');
  const foreign = before.foreignKeys
    .filter((key) => columnsNow(key.columns).length > 0 && !naming.isNamed(key.name ?? ''))
    .filter((key) => !after.foreignKeys.some((other) => other.name === key.name || says(key, other)))
    .map((key) => constraint(before.name, key.name ?? 'foreign key', foreignKeyText(key)));
  const excluding = (table: TableSnapshot): readonly string[] =>
    (table.options ?? []).flatMap((option) => EXCLUSION.exec(option)?.[1] ?? []);
  const now = new Set(excluding(after));
  const exclusions = excluding(before)
    .filter((one) => !now.has(one) && !naming.isNamed(one))
    .map((one) => constraint(before.name, one, 'EXCLUDE'));
  return [
    ...(isPrimaryLost ? [constraint(before.name, name, `PRIMARY KEY (${columns.join(', ')})`)] : []),
    ...foreign,
    ...exclusions,
  ];
}

const foreignKeyText = ({ columns, references }: ForeignKeySnapshot): string =>
  `FOREIGN KEY (${columns.join(', ')}) REFERENCES ${references.table} (${references.columns.join(', ')})`;
/** As the inspector writes an exclusion. */
const EXCLUSION = /^(.*?) EXCLUDE USING /;
/** What the inspector writes behind a constraint's name. */
export const DEFERRABLE = / deferrable(?: initially deferred)?$/;

/** Gone with a function or a sequence that they call. */
export function lostDefaults({ before, after }: Kept, naming: Naming): readonly LostObject[] {
  const now = new Map(after.columns.map((column) => [column.name, column]));
  return before.columns.flatMap((column): LostObject[] => {
    const is = now.get(naming.columnNow(before.name, column.name) ?? '');
    const isLost = column.default !== undefined && is !== undefined && is.default === undefined && !is.identity;
    return isLost && !is.generated && !naming.isNamed(column.name)
      ? [{ type: 'default', name: column.name, table: before.name, reason: `DEFAULT ${column.default}` }]
      : [];
  });
}

export function lostAttached(before: SchemaSnapshot, after: SchemaSnapshot, naming: Naming): readonly LostObject[] {
  const present = new Set((after.objects ?? []).map(({ name }) => name));
  const owners = [...before.tables, ...before.views].map(({ name }) => name);
  return (before.objects ?? []).flatMap(({ type, name }): LostObject[] => {
    if ((type !== 'policy' && type !== 'rule') || present.has(name)) return [];
    const whole = name.slice(type.length + 1);
    const table = owners.find((owner) => whole.startsWith(`${owner}.`)) ?? '';
    const own = whole.slice(table.length + 1);
    const now = naming.nameNow(table);
    const isGone = now !== undefined && !present.has(`${type} ${now}.${own}`) && !naming.isNamed(parseName(own).name);
    return isGone ? [{ type, name: own, table }] : [];
  });
}

export const PRIVILEGES = 'privileges on';
const COMMENT = 'comment on';
/** What is written about a table elsewhere. */
export const WORDS: ReadonlySet<string> = new Set([PRIVILEGES, COMMENT]);

/** What was granted on a table, and said of it, is nothing that its name keeps where another one takes its place. */
export function lostWords(
  { before: { name: table } }: Kept,
  before: SchemaSnapshot,
  after: SchemaSnapshot,
  naming: Naming,
): readonly LostObject[] {
  if (!naming.isReplaced(table)) return [];
  const of = ({ objects = [] }: SchemaSnapshot, wanted: string): ReadonlyMap<string, string> =>
    new Map(
      objects
        .filter(({ type }) => type === wanted)
        .map(({ name, definition }) => [name.slice(wanted.length + 1), definition]),
    );
  const [had, has] = [of(before, PRIVILEGES), of(after, PRIVILEGES)].map((all) =>
    (all.get(`table ${table}`) ?? '').split(', '),
  );
  const revoked = had?.filter((grant) => grant !== '' && !has?.includes(grant)) ?? [];
  // The server puts quotes where it wants them.
  const { schema, name } = parseName(table);
  const own = `${schema}.${name}`;
  const said = of(after, COMMENT);
  const unsaid = [...of(before, COMMENT).keys()].filter((what) => {
    const plain = what.replaceAll('"', '');
    const column = plain.startsWith(`table column ${own}.`) ? plain.slice(`table column ${own}.`.length) : undefined;
    const isThere = plain === `table ${own}` || (column !== undefined && naming.columnNow(table, column) !== undefined);
    return isThere && !said.has(what);
  });
  return [
    ...(revoked.length > 0
      ? [{ type: 'privileges' as const, name: 'privileges', table, reason: revoked.join(', ') }]
      : []),
    ...(unsaid.length > 0 ? [{ type: 'comment' as const, name: 'comment', table, reason: unsaid.join(', ') }] : []),
  ];
}
