// Puts tables back from their copies, in the transaction that is open: looked at before, refilled, and proven after.
import { err, errAsync, ok, okAsync, safeTry, type Result, type ResultAsync } from 'neverthrow';
import type { TableRestoreError } from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import { nameOf, quoted, sqlName, type QualifiedName } from '../name.js';
import type { KeptTable } from './catalogue.js';
import { differenceOf, isSame } from './compare-rows.js';
import { canMerge, merge, rewrite } from './refill.js';
import { readSurroundings, type ForeignKey, type Surroundings } from './surroundings.js';
import { readFacts, restoredColumn, type ColumnFacts, type SequenceFacts, type TableFacts } from './table-facts.js';

type RestoreError = SqlError | TableRestoreError;

/** Up to this part of the rows may differ for putting right only those to be the shorter way. */
const FEW = 0.1;

/** Gives the number of rows that the tables have now. They were compared, and locked against writers, by the caller. */
export function restoreKept(
  connection: PostgresConnection,
  tables: readonly KeptTable[],
): ResultAsync<number, RestoreError> {
  return safeTry(async function* () {
    yield* inOrder(tables, (table) => isWhole(connection, table));
    const surroundings = yield* readSurroundings(connection, tables);
    yield* await proveKeys(connection, tables, surroundings.keys);
    // Checks and defaults may call functions that rely on the path that their database gives them.
    yield* connection.run('SET LOCAL search_path TO DEFAULT');
    yield* await refill(connection, tables, surroundings);
    yield* connection.run(`SELECT pg_catalog.set_config('search_path', '', true)`);
    for (const table of tables) {
      if (!(yield* isSame(connection, table)))
        return err({
          kind: 'table-differs',
          table: nameOf(table),
          detail: 'it does not take the rows as they were kept',
        } as const);
    }
    yield* inOrder(
      tables.flatMap(({ sequences }) => sequences),
      (sequence) => putBack(connection, sequence),
    );
    yield* inOrder(tables, (table) => connection.run(`ANALYZE ${sqlName(table)}`));
    return ok(tables.reduce((rows, table) => rows + table.rows, 0));
  });
}

function isWhole(connection: PostgresConnection, { copy, rows }: KeptTable): ResultAsync<void, SqlError> {
  return connection.all<{ found: number }>(`SELECT pg_catalog.count(*) AS found FROM ${copy}`).andThen(([counted]) =>
    counted?.found === rows
      ? okAsync(undefined)
      : errAsync<void, SqlError>({
          kind: 'corrupt',
          code: '',
          message: `${copy} has ${counted?.found ?? 0} rows where ${rows} were kept`,
        }),
  );
}

/** A copy fits a table of the same columns and the same key. */
export async function compareColumns(
  connection: PostgresConnection,
  tables: readonly KeptTable[],
): Promise<Result<void, RestoreError>> {
  const facts = await readFacts(connection, tables);
  if (facts.isErr()) return err(facts.error);
  for (const table of tables) {
    const live = facts.value.find(({ schema, name }) => schema === table.schema && name === table.name);
    const differs = (detail: string): Result<void, RestoreError> =>
      err({ kind: 'table-differs', table: nameOf(table), detail });
    if (live === undefined) return differs('the table is not there');
    const [then, now] = [described(table.columns), described(live.columns)];
    if (then !== now) return differs(`the backup has (${then}), the database (${now})`);
    if (live.key.join('\0') !== table.key.join('\0')) return differs('its primary key is another one');
  }
  return ok(undefined);
}

/** Whether a table has all that can be compared with the copy. */
export const hasColumns = (table: TableFacts, copy: KeptTable): boolean =>
  table.schema === copy.schema && table.name === copy.name && described(table.columns) === described(copy.columns);

const described = (columns: readonly ColumnFacts[]): string =>
  columns
    .filter(({ generated }) => !generated)
    .map(({ name, type }) => `${quoted(name)} ${type}`)
    .toSorted()
    .join(', ');

/** Rows that would be without their parent: of the copies, and of others that refer to them. */
async function proveKeys(
  connection: PostgresConnection,
  tables: readonly KeptTable[],
  keys: readonly ForeignKey[],
): Promise<Result<void, RestoreError>> {
  for (const key of keys.filter(({ valid, plain }) => valid && plain)) {
    const child = rowsOf(key.child, tables, 'r');
    const parent = rowsOf(key.parent, tables, 'c');
    const matches = key.parentColumns.map(
      (column, at) => `${parent.column(column)} ${key.operators[at]} ${child.column(key.childColumns[at] ?? '')}`,
    );
    const known = key.childColumns.map((column) => `r.${quoted(column)} IS NOT NULL`);
    const counted = await connection.query<{ rows: number }>(
      `SELECT pg_catalog.count(*) AS rows FROM ${child.from} WHERE ${known.join(' AND ')}
         AND NOT EXISTS (SELECT 1 FROM ${parent.from} WHERE ${matches.join(' AND ')})`,
    );
    if (counted.isErr()) return err(counted.error);
    const rows = counted.value.rows[0]?.rows ?? 0;
    if (rows > 0) return err({ kind: 'foreign-keys-broken', table: nameOf(key.child), rows });
  }
  return ok(undefined);
}

interface Rows {
  readonly from: string;
  readonly column: (name: string) => string;
}

/** What a table will have: its copy's rows, or the ones that are in it. */
function rowsOf(table: QualifiedName, tables: readonly KeptTable[], alias: string): Rows {
  const kept = tables.find(({ schema, name }) => schema === table.schema && name === table.name);
  if (kept === undefined)
    return { from: `ONLY ${sqlName(table)} AS ${alias}`, column: (name) => `${alias}.${quoted(name)}` };
  const facts = new Map(kept.columns.map((column) => [column.name, column]));
  return {
    from: `${kept.copy} AS ${alias}`,
    column: (name) => {
      const column = facts.get(name);
      return column === undefined ? 'NULL' : restoredColumn(column, alias);
    },
  };
}

/** Where few rows differ they are put right; the other way is there for whatever does not work out. */
async function refill(
  connection: PostgresConnection,
  tables: readonly KeptTable[],
  surroundings: Surroundings,
): Promise<Result<void, RestoreError>> {
  const mergeable = tables.every((table) => canMerge(table, surroundings));
  const differing = mergeable ? await inOrder(tables, (table) => differenceOf(connection, table)) : ok([]);
  if (differing.isErr()) return err(differing.error);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const few = differing.value.reduce((sum, { written, deleted }) => sum + written + deleted, 0) <= FEW * rows;
  const [first, second] = few ? [merge, rewrite] : [rewrite, merge];
  if (!mergeable) return tried(connection, () => rewrite(connection, tables, surroundings)).mapErr(brokenKey);
  return tried(connection, () => first(connection, tables, surroundings))
    .orElse((error) =>
      error.kind === 'connection-lost'
        ? errAsync(error)
        : tried(connection, () => second(connection, tables, surroundings)),
    )
    .mapErr(brokenKey);
}

const tried = (connection: PostgresConnection, way: () => ResultAsync<void, SqlError>): ResultAsync<void, SqlError> =>
  connection
    .run('SAVEPOINT migrate_safe_refill')
    .andThen(way)
    .andThen(() => connection.run('RELEASE SAVEPOINT migrate_safe_refill'))
    .map(() => undefined)
    .orElse((error) =>
      connection
        .run('ROLLBACK TO SAVEPOINT migrate_safe_refill')
        .orElse(() => okAsync({ changes: 0 }))
        .andThen(() => errAsync(error)),
    );

const FOREIGN_KEY_VIOLATION = '23503';

/** Keys between partitions are left to the server, which tells of the first row only. */
function brokenKey(error: RestoreError): RestoreError {
  if (!('code' in error) || error.code !== FOREIGN_KEY_VIOLATION) return error;
  const { schema, table } = error.cause as { readonly schema?: string; readonly table?: string };
  return { kind: 'foreign-keys-broken', table: nameOf({ schema: schema ?? 'public', name: table ?? '' }), rows: 1 };
}

/** A sequence that was started anew in this transaction is rolled back with it, `setval` and all. */
const putBack = (connection: PostgresConnection, sequence: SequenceFacts): ResultAsync<unknown, SqlError> =>
  connection
    .run(`ALTER SEQUENCE IF EXISTS ${sqlName(sequence)} RESTART`)
    .andThen(() =>
      connection.query(
        `SELECT pg_catalog.setval(pg_catalog.to_regclass($1), $2::bigint, $3) WHERE pg_catalog.to_regclass($1) IS NOT NULL`,
        [sqlName(sequence), sequence.last, sequence.called],
      ),
    );
