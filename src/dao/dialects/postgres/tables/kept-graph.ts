// Whether what hangs on what in a database is still what it was, told from its schema before and after. Pure; in doubt it is not.
import type {
  ColumnSnapshot,
  IndexSnapshot,
  ObjectSnapshot,
  SchemaSnapshot,
  TableSnapshot,
} from '../../../../core/schema/snapshot.js';

/** Objects that neither call a routine nor lead from one table to another. */
const LOOSE: ReadonlySet<string> = new Set([
  'schema',
  'sequence',
  'enum',
  'range',
  'statistics',
  'publication',
  'comment on',
  'privileges on',
]);

/** The same tables, with columns and indexes at most that hang on nothing, and everything else as it was. */
export function keepsGraph(before: SchemaSnapshot, after: SchemaSnapshot): boolean {
  if (before === after) return true;
  const isFixed = ({ type }: ObjectSnapshot): boolean => !LOOSE.has(type);
  return (
    areAll(before.tables, after.tables, keepsEdges) &&
    areAll(before.views, after.views, isSame) &&
    areAll(before.triggers, after.triggers, isSame) &&
    areAll((before.objects ?? []).filter(isFixed), (after.objects ?? []).filter(isFixed), isSame) &&
    areAll(before.indexes.filter(computes), after.indexes.filter(computes), isSame)
  );
}

/** In their order, which is that of their names. */
function areAll<T>(before: readonly T[], after: readonly T[], holds: (was: T, is: T) => boolean): boolean {
  return (
    before.length === after.length &&
    before.every((was, at) => {
      const is = after[at];
      return is !== undefined && (was === is || holds(was, is));
    })
  );
}

const isSame = (was: unknown, is: unknown): boolean => JSON.stringify(was) === JSON.stringify(is);

const computes = ({ terms, where }: IndexSnapshot): boolean =>
  where !== undefined || terms.some((term) => 'expression' in term);

function keepsEdges(was: TableSnapshot, is: TableSnapshot): boolean {
  const rest = ({ name, kind, foreignKeys, checks, options }: TableSnapshot): unknown => [
    name,
    kind,
    foreignKeys,
    checks,
    options,
  ];
  const known = new Map(was.columns.map((column) => [column.name, column]));
  return (
    isSame(rest(was), rest(is)) &&
    is.columns.every((column) => {
      const before = known.get(column.name);
      return before === undefined ? hangsOnNothing(column) : isSame(before, column) || hangsOnNothing(column);
    })
  );
}

/** Of a type of the server's own, the name of which needs no schema, and without anything to be computed. */
const hangsOnNothing = ({ type, default: value = '', generated }: ColumnSnapshot): boolean =>
  generated === undefined && !/[."]/.test(type) && !value.includes('(');
