// Follows each table through a step: created, dropped, or kept, possibly under another name or rebuilt from new.
import type { TableSnapshot } from '../../../../core/schema/snapshot.js';
import type { InspectedSchema } from '../inspect/inspector.js';
import { folded } from '../quote.js';
import type { WriteTrace } from './trace.js';

export type TableFate =
  | { readonly kind: 'created'; readonly name: string }
  | { readonly kind: 'dropped'; readonly name: string }
  | {
      readonly kind: 'kept';
      readonly name: string;
      readonly nameBefore: string;
      /** Its name, its definition and its b-tree are what they were. */
      readonly asItWas: boolean;
      /** Nothing was written to it, and its columns are those that it had, in their order, with or without more behind them. */
      readonly onlyWidened: boolean;
      /** The b-tree is another one: rows may have new rowids. */
      readonly rebuilt: boolean;
      readonly before: TableSnapshot | undefined;
      readonly after: TableSnapshot | undefined;
    };

/** The tables that the step created, dropped, wrote to or changed; the others were not touched. */
export function followTables(
  before: InspectedSchema,
  after: InspectedSchema,
  trace: Pick<WriteTrace, 'written' | 'wroteVirtual' | 'wroteAnything' | 'editedSchema' | 'nameNow'>,
): readonly TableFate[] {
  const old = tablesOf(before);
  const now = tablesOf(after);
  const nowByName = new Map(now.map((table) => [table.key, table]));
  const nowByRoot = new Map(now.filter((table) => table.root > 0).map((table) => [table.root, table]));
  const oldNames = new Set(old.map((table) => table.key));
  const claimed = new Set<string>();
  // Whoever writes to a shadow table changes the virtual table that it belongs to.
  const wroteShadow = old.some((table) => table.shadow && trace.written.has(table.key));

  const fates = old.flatMap((table): TableFate[] => {
    // The same name first; a table of another name with the same b-tree is this one, renamed.
    const same = nowByName.get(table.key);
    const moved = nowByRoot.get(table.root);
    const renamed = moved !== undefined && !oldNames.has(moved.key) ? moved : undefined;
    // Made anew and renamed in one step: neither name nor b-tree is left, but the step's own statements tell.
    const called = nowByName.get(trace.nameNow(table.name));
    const followed = called !== undefined && !oldNames.has(called.key) ? called : undefined;
    const kept = same ?? renamed ?? followed;
    if (kept === undefined) return table.shadow ? [] : [{ kind: 'dropped', name: table.name }];
    claimed.add(kept.key);
    const rebuilt = kept.root !== table.root;
    const written = trace.wroteAnything || trace.written.has(table.key) || trace.written.has(kept.key);
    const changed = kept.sql !== table.sql;
    if (table.shadow || !(rebuilt || written || changed || (table.virtual && (trace.wroteVirtual || wroteShadow))))
      return [];
    return [
      {
        kind: 'kept',
        name: kept.name,
        nameBefore: table.name,
        asItWas: !rebuilt && !changed && !table.virtual && kept.name === table.name,
        onlyWidened: !(rebuilt || written || table.virtual || trace.editedSchema) && beginsWith(kept, table),
        rebuilt,
        before: table.snapshot,
        after: kept.snapshot,
      },
    ];
  });
  const created = now
    .filter((table) => !claimed.has(table.key) && !oldNames.has(table.key) && !table.shadow)
    .map((table): TableFate => ({ kind: 'created', name: table.name }));
  return [...fates, ...created];
}

function beginsWith(now: Table, before: Table): boolean {
  if (now.name !== before.name) return false;
  const columns = now.snapshot?.columns ?? [];
  return before.snapshot?.columns.every(({ name }, at) => folded(columns[at]?.name ?? '') === folded(name)) ?? false;
}

interface Table {
  readonly name: string;
  /** The name, folded. */
  readonly key: string;
  readonly root: number;
  readonly sql: string | null;
  readonly virtual: boolean;
  /** Shadow tables belong to their virtual table: their rows are its internals. */
  readonly shadow: boolean;
  readonly snapshot: TableSnapshot | undefined;
}

/** Only tables of the application: the engine's own and the neighbours' are not in the snapshot. */
function tablesOf(schema: InspectedSchema): readonly Table[] {
  const known = TABLES.get(schema) ?? readTables(schema);
  TABLES.set(schema, known);
  return known;
}
/** What one step leaves, the next one finds. */
const TABLES = new WeakMap<InspectedSchema, readonly Table[]>();

function readTables(schema: InspectedSchema): readonly Table[] {
  const snapshots = new Map(schema.snapshot.tables.map((table) => [folded(table.name), table]));
  return schema.raw.flatMap((object): Table[] => {
    const snapshot = snapshots.get(folded(object.name));
    if (object.type !== 'table' || snapshot === undefined) return [];
    return [
      {
        name: object.name,
        key: folded(object.name),
        root: object.rootpage,
        sql: object.sql,
        virtual: snapshot.kind === 'virtual',
        shadow: snapshot.kind === 'shadow',
        snapshot,
      },
    ];
  });
}
