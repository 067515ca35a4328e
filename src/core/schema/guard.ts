// The guard: judges what a step did against what it declared. It is about data, not words: what was empty can go.
import type { CreatedObject } from '../events/event.js';
import type {
  ColumnFinding,
  ForeignKeyFinding,
  LostObject,
  RowFinding,
  StepObservation,
} from '../ports/step-transaction.js';
import type { Declarations, StepLanguage } from '../steps/migration-step.js';
import { declarationLines } from './declaration-lines.js';
import { foldAscii } from './names.js';

export type GuardMode = 'enforce' | 'warn' | 'off';

/** Something that a step did and had not declared. */
export type GuardFinding =
  | ({ readonly kind: 'rows-deleted' } & RowFinding)
  | ({ readonly kind: 'table-dropped' } & RowFinding)
  | ({ readonly kind: 'column-dropped' } & ColumnFinding)
  | ({ readonly kind: 'values-nulled' } & ColumnFinding)
  | ({
      readonly kind: 'foreign-key-broken';
      readonly onDelete?: 'cascade' | 'set-null';
      readonly columns?: readonly string[];
    } & ForeignKeyFinding)
  | ({ readonly kind: 'object-lost' } & Omit<LostObject, 'type'> & { readonly type: LostObject['type'] });

/** What a revert may take away: what its own apply created, and as many rows as it inserted. */
export interface OwnWork {
  readonly created: readonly CreatedObject[];
  readonly inserted: Readonly<Record<string, number>>;
}

/** Declarations are lenient: case does not matter, and PostgreSQL's schema public goes without saying. */
const plain = (name: string): string => foldAscii(name).replace(/^public\./, '');
const isSame = (name: string, other: string): boolean => plain(name) === plain(other);

const has = (names: readonly string[] | undefined, ...wanted: readonly string[]): boolean =>
  names?.some((name) => wanted.some((want) => isSame(name, want))) ?? false;

/** The findings that no declaration covers: by kind, worst first, and within a kind by the number of rows. */
export function judge(seen: StepObservation, declares: Declarations, own?: OwnWork): GuardFinding[] {
  const { mayLoseRows, mayDrop, mayNull } = declares;
  const made = (type: CreatedObject['type'] | LostObject['type'], name: string, table?: string): boolean =>
    own?.created.some(
      (object) =>
        object.type === type &&
        isSame(object.name, name) &&
        (table === undefined || object.table === undefined || isSame(object.table, table)),
    ) ?? false;
  const insertedByApply = (table: string): number =>
    Object.entries(own?.inserted ?? {}).find(([name]) => isSame(name, table))?.[1] ?? 0;

  const byRows = <F extends { readonly rows: number }>(all: readonly F[]): readonly F[] =>
    all.toSorted((a, b) => b.rows - a.rows);
  return [
    ...byRows(seen.droppedTables)
      .filter((f) => f.rows > 0 && !has(mayDrop, f.table) && !made('table', f.table))
      .map((f) => ({ kind: 'table-dropped' as const, ...f })),
    ...byRows(seen.deletedRows)
      .filter((f) => f.rows > insertedByApply(f.table) && !has(mayLoseRows, f.table) && !made('table', f.table))
      .map((f) => ({ kind: 'rows-deleted' as const, ...f })),
    ...byRows(seen.droppedColumns)
      .filter(
        (f) =>
          f.rows > 0 &&
          !has(mayDrop, f.table, `${f.table}.${f.column}`) &&
          !made('column', f.column, f.table) &&
          !made('table', f.table),
      )
      .map((f) => ({ kind: 'column-dropped' as const, ...f })),
    ...byRows(seen.nulledValues)
      .filter(
        (f) =>
          f.rows > 0 &&
          !has(mayNull, `${f.table}.${f.column}`) &&
          !made('column', f.column, f.table) &&
          !made('table', f.table),
      )
      .map((f) => ({ kind: 'values-nulled' as const, ...f })),
    ...seen.brokenForeignKeys
      .filter((f) => f.rows > 0)
      .map((f) => ({ kind: 'foreign-key-broken' as const, ...f, ...actionOf(seen, f) })),
    ...seen.lostObjects
      .filter(
        (o) =>
          !has(mayDrop, o.name, `${o.table ?? ''}.${o.name}`) &&
          !made(o.type, o.name, o.table) &&
          !isCovered(o, declares),
      )
      .map((o) => ({ kind: 'object-lost' as const, ...o })),
  ];
}

/** What the foreign key would do by itself when its parent goes: it does so in a step that asks for it. */
function actionOf(
  seen: StepObservation,
  { table, parent }: ForeignKeyFinding,
): { readonly onDelete?: 'cascade' | 'set-null'; readonly columns?: readonly string[] } {
  const key = seen.after.tables
    .find((one) => isSame(one.name, table))
    ?.foreignKeys.find(({ references }) => isSame(references.table, parent));
  const lostParents = seen.deletedRows.some((deleted) => isSame(deleted.table, parent));
  return lostParents && (key?.onDelete === 'cascade' || key?.onDelete === 'set-null')
    ? { onDelete: key.onDelete, columns: key.columns }
    : {};
}

const CONSTRAINTS: ReadonlySet<LostObject['type']> = new Set(['check', 'unique']);
/** They are told of a table as a whole, and have no name. */
const WHOLE: ReadonlySet<LostObject['type']> = new Set(['privileges', 'comment']);
/** Their names are their table's alone. */
const OF_TABLES: ReadonlySet<LostObject['type']> = new Set([
  ...CONSTRAINTS,
  'constraint',
  'default',
  'policy',
  'rule',
  'privileges',
  'comment',
]);
/** `check=orders.check` covers all checks of a table, and `unique=orders.unique` all of its unique constraints. */
const isCovered = ({ type, table }: LostObject, { mayDrop }: Declarations): boolean =>
  CONSTRAINTS.has(type) && table !== undefined && has(mayDrop, `${table}.${type}`);

const keysOf = (f: RowFinding): string =>
  f.keys.length === 0 ? '' : ` (${f.table} ${f.keys.join(', ')}${f.rows > f.keys.length ? ' …' : ''})`;
const rowsOf = (count: number): string => `${count} ${count === 1 ? 'row' : 'rows'}`;

/** One finding as a sentence without its full stop. */
export function describeFinding(finding: GuardFinding): string {
  switch (finding.kind) {
    case 'rows-deleted':
      return `would lose ${rowsOf(finding.rows)} of ${finding.table}, which the step does not declare${keysOf(finding)}`;
    case 'table-dropped':
      return `would drop table ${finding.table} with its ${rowsOf(finding.rows)}, which the step does not declare${keysOf(finding)}`;
    case 'column-dropped':
      return `would drop column ${finding.table}.${finding.column}, which has a value in ${rowsOf(finding.rows)}, and the step does not declare it${keysOf(finding)}`;
    case 'values-nulled':
      return `would set ${finding.table}.${finding.column} to NULL in ${rowsOf(finding.rows)} that had a value, which the step does not declare${keysOf(finding)}`;
    case 'foreign-key-broken':
      return `would leave ${rowsOf(finding.rows)} of ${finding.table} pointing at rows of ${finding.parent} that are not there${keysOf(finding)}`;
    case 'object-lost': {
      const where = finding.table === undefined ? '' : ` of table ${finding.table}`;
      const why = finding.reason === undefined ? '' : `: ${finding.reason}`;
      const what = WHOLE.has(finding.type) ? finding.type : `${finding.type} ${finding.name}`;
      return `would lose ${what}${where}, which the step does not name${why}`;
    }
  }
}

const word = (name: string): string => (/^[\w.$-]+$/.test(name) ? name : JSON.stringify(name));

/**
 * The lines that would allow the findings, in the language of the step; empty for what no line allows. Lines of SQL are
 * added to those that are there, a `declares` takes the place of the one that is: it has all that it says `already`.
 */
export function declarationsFor(
  findings: readonly GuardFinding[],
  language: StepLanguage,
  already: Declarations = {},
): readonly string[] {
  const sql = new Set<string>();
  let foreignKeys = false;
  const code = { mayLoseRows: new Set<string>(), mayDrop: new Set<string>(), mayNull: new Set<string>() };
  for (const finding of findings) {
    switch (finding.kind) {
      case 'rows-deleted':
        sql.add(`-- migrate-safe: may-lose-rows table=${word(finding.table)}`);
        code.mayLoseRows.add(finding.table);
        break;
      case 'table-dropped':
        sql.add(`-- migrate-safe: may-drop table=${word(finding.table)}`);
        code.mayDrop.add(finding.table);
        break;
      case 'column-dropped':
        sql.add(`-- migrate-safe: may-drop column=${word(`${finding.table}.${finding.column}`)}`);
        code.mayDrop.add(`${finding.table}.${finding.column}`);
        break;
      case 'values-nulled':
        sql.add(`-- migrate-safe: may-null column=${word(`${finding.table}.${finding.column}`)}`);
        code.mayNull.add(`${finding.table}.${finding.column}`);
        break;
      case 'object-lost': {
        const name = OF_TABLES.has(finding.type) ? `${finding.table ?? ''}.${finding.name}` : finding.name;
        sql.add(`-- migrate-safe: may-drop ${finding.type}=${word(name)}`);
        code.mayDrop.add(name);
        break;
      }
      case 'foreign-key-broken':
        if (finding.onDelete === undefined) break;
        foreignKeys = true;
        if (finding.onDelete === 'cascade') {
          sql.add(`-- migrate-safe: may-lose-rows table=${word(finding.table)}`);
          code.mayLoseRows.add(finding.table);
        } else {
          for (const column of finding.columns ?? []) {
            sql.add(`-- migrate-safe: may-null column=${word(`${finding.table}.${column}`)}`);
            code.mayNull.add(`${finding.table}.${column}`);
          }
        }
        break;
    }
  }
  if (foreignKeys) sql.add('-- migrate-safe: foreign-keys on');
  if (language === 'sql') return [...sql];
  return declarationLines(code, already, foreignKeys, language);
}
