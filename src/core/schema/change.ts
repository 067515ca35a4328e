// The differences that two schemas can have, as data, and one line of text for each.
import type {
  CheckSnapshot,
  ColumnSnapshot,
  ForeignKeySnapshot,
  IndexSnapshot,
  IndexTerm,
  KeySnapshot,
  ObjectSnapshot,
  TableSnapshot,
  TriggerSnapshot,
  ViewSnapshot,
} from './snapshot.js';

/** What can differ in a table outside of its columns and constraints. */
export type TableProperty = 'kind' | 'autoincrement' | 'without-rowid' | 'strict' | 'module' | 'options';
/** What can differ between two columns of one name. */
export type ColumnProperty = 'type' | 'not-null' | 'default' | 'generated' | 'collation' | 'identity';

/** One difference; a renamed object is one removed and one added. */
export type SchemaChange =
  | { readonly kind: 'table-added'; readonly table: string; readonly snapshot: TableSnapshot }
  | { readonly kind: 'table-removed'; readonly table: string; readonly snapshot: TableSnapshot }
  | {
      readonly kind: 'table-changed';
      readonly table: string;
      readonly what: readonly TableProperty[];
      readonly before: TableSnapshot;
      readonly after: TableSnapshot;
    }
  | {
      readonly kind: 'column-added';
      readonly table: string;
      readonly column: string;
      readonly snapshot: ColumnSnapshot;
    }
  | {
      readonly kind: 'column-removed';
      readonly table: string;
      readonly column: string;
      readonly snapshot: ColumnSnapshot;
    }
  | {
      readonly kind: 'column-changed';
      readonly table: string;
      readonly column: string;
      readonly what: readonly ColumnProperty[];
      readonly before: ColumnSnapshot;
      readonly after: ColumnSnapshot;
    }
  /** The columns that both have stand in another order. */
  | {
      readonly kind: 'columns-reordered';
      readonly table: string;
      readonly before: readonly string[];
      readonly after: readonly string[];
    }
  | {
      readonly kind: 'primary-key-changed';
      readonly table: string;
      readonly before?: KeySnapshot;
      readonly after?: KeySnapshot;
    }
  | { readonly kind: 'unique-added'; readonly table: string; readonly unique: KeySnapshot }
  | { readonly kind: 'unique-removed'; readonly table: string; readonly unique: KeySnapshot }
  | { readonly kind: 'check-added'; readonly table: string; readonly check: CheckSnapshot }
  | { readonly kind: 'check-removed'; readonly table: string; readonly check: CheckSnapshot }
  | { readonly kind: 'foreign-key-added'; readonly table: string; readonly foreignKey: ForeignKeySnapshot }
  | { readonly kind: 'foreign-key-removed'; readonly table: string; readonly foreignKey: ForeignKeySnapshot }
  | { readonly kind: 'index-added'; readonly index: string; readonly table: string; readonly snapshot: IndexSnapshot }
  | { readonly kind: 'index-removed'; readonly index: string; readonly table: string; readonly snapshot: IndexSnapshot }
  | {
      readonly kind: 'index-changed';
      readonly index: string;
      readonly table: string;
      readonly before: IndexSnapshot;
      readonly after: IndexSnapshot;
    }
  | { readonly kind: 'view-added'; readonly view: string; readonly snapshot: ViewSnapshot }
  | { readonly kind: 'view-removed'; readonly view: string; readonly snapshot: ViewSnapshot }
  | {
      readonly kind: 'view-changed';
      readonly view: string;
      readonly before: ViewSnapshot;
      readonly after: ViewSnapshot;
    }
  | {
      readonly kind: 'trigger-added';
      readonly trigger: string;
      readonly table: string;
      readonly snapshot: TriggerSnapshot;
    }
  | {
      readonly kind: 'trigger-removed';
      readonly trigger: string;
      readonly table: string;
      readonly snapshot: TriggerSnapshot;
    }
  | {
      readonly kind: 'trigger-changed';
      readonly trigger: string;
      readonly table: string;
      readonly before: TriggerSnapshot;
      readonly after: TriggerSnapshot;
    }
  | { readonly kind: 'object-added'; readonly object: string; readonly snapshot: ObjectSnapshot }
  | { readonly kind: 'object-removed'; readonly object: string; readonly snapshot: ObjectSnapshot }
  | {
      readonly kind: 'object-changed';
      readonly object: string;
      readonly before: ObjectSnapshot;
      readonly after: ObjectSnapshot;
    };

/** Says a change in one line, with names as they are written in the schema, for example `column orders.note removed`. */
export function describeChange(change: SchemaChange): string {
  switch (change.kind) {
    case 'table-added':
    case 'table-removed':
      return `table ${change.table} ${verb(change.kind)}`;
    case 'table-changed':
      return `table ${change.table} changed: ${change.what.map((what) => describeTableProperty(what, change.before, change.after)).join(', ')}`;
    case 'column-added':
    case 'column-removed':
      return `column ${change.table}.${change.column} ${verb(change.kind)}`;
    case 'column-changed':
      return `column ${change.table}.${change.column} changed: ${change.what
        .map((what) => `${what} ${describeProperty(what, change.before)} -> ${describeProperty(what, change.after)}`)
        .join(', ')}`;
    case 'columns-reordered':
      return `columns of ${change.table} reordered: ${change.before.join(', ')} -> ${change.after.join(', ')}`;
    case 'primary-key-changed':
      return `primary key of ${change.table} changed: ${change.before ? describeKey(change.before) : 'none'} -> ${change.after ? describeKey(change.after) : 'none'}`;
    case 'unique-added':
    case 'unique-removed':
      return `unique constraint ${describeKey(change.unique)} of ${change.table} ${verb(change.kind)}`;
    case 'check-added':
    case 'check-removed':
      return `check ${named(change.check.name)}(${oneLine(change.check.expression)}) of ${change.table} ${verb(change.kind)}`;
    case 'foreign-key-added':
    case 'foreign-key-removed':
      return `foreign key ${describeForeignKey(change.foreignKey)} of ${change.table} ${verb(change.kind)}`;
    case 'index-added':
    case 'index-removed':
      return `index ${change.index} on ${describeIndex(change.snapshot)} ${verb(change.kind)}`;
    case 'index-changed':
      return `index ${change.index} changed: ${describeIndex(change.before)} -> ${describeIndex(change.after)}`;
    case 'view-added':
    case 'view-removed':
    case 'view-changed':
      return `view ${change.view} ${verb(change.kind)}`;
    case 'trigger-added':
    case 'trigger-removed':
    case 'trigger-changed':
      return `trigger ${change.trigger} on ${change.table} ${verb(change.kind)}`;
    case 'object-added':
    case 'object-removed':
    case 'object-changed':
      return `${change.object} ${verb(change.kind)}`;
  }
}

const verb = (kind: SchemaChange['kind']): string => kind.slice(kind.lastIndexOf('-') + 1);
const named = (name: string | undefined): string => (name === undefined ? '' : `${name} `);
const oneLine = (text: string): string => text.replace(/\s+/g, ' ');

function describeTableProperty(what: TableProperty, before: TableSnapshot, after: TableSnapshot): string {
  switch (what) {
    case 'kind':
      return `kind ${before.kind} -> ${after.kind}`;
    case 'module':
      return `module ${describeModule(before)} -> ${describeModule(after)}`;
    case 'options':
      return `options ${(before.options ?? []).join(', ') || 'none'} -> ${(after.options ?? []).join(', ') || 'none'}`;
    case 'autoincrement':
      return `${what} ${onOff(before.autoincrement)} -> ${onOff(after.autoincrement)}`;
    case 'without-rowid':
      return `${what} ${onOff(before.withoutRowid)} -> ${onOff(after.withoutRowid)}`;
    case 'strict':
      return `${what} ${onOff(before.strict)} -> ${onOff(after.strict)}`;
  }
}

const onOff = (value: boolean): string => (value ? 'on' : 'off');

function describeModule(table: TableSnapshot): string {
  return table.module ? oneLine(`${table.module.name}(${table.module.args.join(', ')})`) : 'none';
}

function describeProperty(what: ColumnProperty, column: ColumnSnapshot): string {
  switch (what) {
    case 'type':
      return column.type === '' ? 'none' : column.type;
    case 'not-null':
      return column.notNull
        ? ['yes', column.notNullOnConflict].filter((part) => part !== undefined).join(' on conflict ')
        : 'no';
    case 'default':
      return column.default === undefined ? 'none' : oneLine(column.default);
    case 'generated':
      return column.generated ? `${column.generated.storage} (${oneLine(column.generated.expression)})` : 'no';
    case 'collation':
      return column.collation ?? 'none';
    case 'identity':
      return column.identity ?? 'none';
  }
}

function describeTerm(term: IndexTerm): string {
  const what = 'column' in term ? term.column : `(${oneLine(term.expression)})`;
  return `${what}${term.collation === undefined ? '' : ` collate ${term.collation}`}${term.descending ? ' desc' : ''}`;
}

function describeKey(key: KeySnapshot): string {
  const conflict = key.onConflict === undefined ? '' : ` on conflict ${key.onConflict}`;
  return `${named(key.name)}(${key.terms.map(describeTerm).join(', ')})${conflict}`;
}

function describeForeignKey(key: ForeignKeySnapshot): string {
  const target = key.references.columns.length === 0 ? '' : ` (${key.references.columns.join(', ')})`;
  const rules = [
    key.onDelete === 'no-action' ? '' : ` on delete ${key.onDelete}`,
    key.onUpdate === 'no-action' ? '' : ` on update ${key.onUpdate}`,
    key.deferrable === 'not-deferrable' ? '' : ` ${key.deferrable}`,
  ];
  return `${named(key.name)}(${key.columns.join(', ')}) -> ${key.references.table}${target}${rules.join('')}`;
}

function describeIndex(index: IndexSnapshot): string {
  const where = index.where === undefined ? '' : ` where ${oneLine(index.where)}`;
  return `${index.table} (${index.terms.map(describeTerm).join(', ')})${index.unique ? ' unique' : ''}${where}`;
}
