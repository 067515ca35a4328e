// Follows each table through a step: created, dropped, or kept, possibly under another name or rebuilt from new.
import type { TableSnapshot } from '../../../../core/schema/snapshot.js';
import { unlike } from '../../../../core/schema/unlike.js';
import type { InspectedSchema } from '../inspect/inspector.js';
import type { RawObject } from '../inspect/read-objects.js';
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
  const concerned = whichConcern(before, after, trace);
  const old = tablesOf(before, concerned);
  const now = tablesOf(after, concerned);
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

/**
 * Tables that are not the same object as before, or were written to. What is internal to a virtual table counts always:
 * it is written to under another name.
 */
function whichConcern(
  before: InspectedSchema,
  after: InspectedSchema,
  trace: Pick<WriteTrace, 'written' | 'wroteAnything'>,
): (object: RawObject) => boolean {
  const changed = new Set(unlike(before.raw, after.raw).flat());
  const internal = new Set(
    [before, after].flatMap(({ snapshot }) =>
      snapshot.tables.flatMap(({ kind, name }) => (kind === 'table' ? [] : name)),
    ),
  );
  return (object) =>
    object.type === 'table' &&
    (trace.wroteAnything || changed.has(object) || internal.has(object.name) || trace.written.has(folded(object.name)));
}

/** Only tables of the application: the engine's own and the neighbours' are not in the snapshot. */
function tablesOf({ raw, snapshot }: InspectedSchema, concerned: (object: RawObject) => boolean): readonly Table[] {
  return raw.filter(concerned).flatMap((object): Table[] => {
    const known = snapshot.tables.find(({ name }) => name === object.name);
    if (known === undefined) return [];
    return [
      {
        name: object.name,
        key: folded(object.name),
        root: object.rootpage,
        sql: object.sql,
        virtual: known.kind === 'virtual',
        shadow: known.kind === 'shadow',
        snapshot: known,
      },
    ];
  });
}
