// Writes the declaration, the DAO and the tests of one table of a live database: reads its schema, and changes nothing.
import { err, errAsync, ok, ResultAsync, type Result } from 'neverthrow';
import type { Config } from './config.js';
import { fromOpen, fromSql } from './core/manager/as-error.js';
import { migrateError, reasonOf, type MigrateError } from './core/errors/migrate-error.js';
import type { Database } from './core/ports/database.js';
import { foldAscii } from './core/schema/names.js';
import type { SchemaSnapshot, TableSnapshot } from './core/schema/snapshot.js';
import { describeTable as describePostgres } from './dao/dialects/postgres/app/describe-table.js';
import { describeTable as describeSqlite } from './dao/dialects/sqlite/app/describe-table.js';
import { daoFile, isNeeded, testFile, type DaoToWrite, type GeneratedFile } from './dao/generate/dao-text.js';
import { literal, typeName } from './dao/generate/type-script.js';
import { openReadOnlyDatabase, type OpenDatabaseOptions } from './open-database.js';

export interface GenerateOptions extends OpenDatabaseOptions {
  readonly config: Config;
  readonly port: Database;
  readonly table: string;
  /** The step files, as the tests name them. */
  readonly steps: string;
}

export interface GeneratedDao {
  readonly table: string;
  readonly dao: string;
  readonly columns: number;
  readonly primaryKey: readonly string[];
  /** What has to be known of single columns. */
  readonly notes: readonly { readonly column: string; readonly note: string }[];
  /** Why the test of an insert is left to do. */
  readonly todo: string | null;
  readonly files: readonly GeneratedFile[];
}

export function generateDao(options: GenerateOptions): ResultAsync<GeneratedDao, MigrateError> {
  return schemaOf(options.port).andThen((schema) => {
    const table = tableIn(schema, options.table);
    if (table.isErr()) return errAsync(table.error);
    const primaryKey = keyOf(table.value);
    if (primaryKey.isErr()) return errAsync(primaryKey.error);
    return described(options, table.value).map((live) => {
      const todo = reasonForNoRow(table.value, live);
      return generated(options, {
        ...live,
        // Of two rows with the same value one could not be told from the other.
        columns: live.columns.map((column) =>
          primaryKey.value.includes(column.name) ? { ...column, nullable: false } : column,
        ),
        primaryKey: primaryKey.value,
        ...(todo === undefined ? {} : { todo }),
      });
    });
  });
}

const schemaOf = (port: Database): ResultAsync<SchemaSnapshot, MigrateError> =>
  port
    .open('read')
    .mapErr((error) => fromOpen(error))
    .andThen((open) =>
      open
        .snapshot()
        .mapErr((error) => fromSql(error, port.info.label, 'reading the schema'))
        .andThen((schema) =>
          open
            .close()
            .map(() => schema)
            .mapErr((error) => fromSql(error, port.info.label, 'reading the schema')),
        ),
    );

function tableIn({ tables, views, identifiers }: SchemaSnapshot, asked: string): Result<TableSnapshot, MigrateError> {
  const folded = (name: string): string => (identifiers === 'exact' ? name : foldAscii(name));
  const names = new Set([folded(asked), folded(asked).replace(/^public\./, '')]);
  const found = tables.find(({ name }) => names.has(folded(name)));
  if (found?.kind === 'table') return ok(found);
  if (found !== undefined)
    return refused(`${asked} is a virtual table: its module, not the schema, says what is in it`);
  if (views.some(({ name }) => names.has(folded(name))))
    return refused(`${asked} is a view`, 'Ask it with dao.query(…) of the DAO of one of its tables.');
  const known = tables.filter(({ kind }) => kind === 'table').map(({ name }) => name);
  const shown = known.slice(0, 12).join(', ') + (known.length > 12 ? ` and ${known.length - 12} more` : '');
  return refused(
    `there is no table ${asked}`,
    known.length === 0 ? 'The database has no tables; make some with: migrate-safe up' : `There are: ${shown}.`,
  );
}

/** The primary key, or where there is none another one that every row has. */
function keyOf({ name, primaryKey, uniques, columns }: TableSnapshot): Result<readonly string[], MigrateError> {
  const notNull = new Set(columns.filter((column) => column.notNull).map((column) => column.name));
  const key = primaryKey ?? uniques.find(({ terms }) => terms.every(({ column }) => notNull.has(column)));
  return key === undefined
    ? refused(
        `${name} has no primary key, by which a DAO gets, changes and removes a row`,
        'Give it one in a step, or a UNIQUE of columns that are NOT NULL; until then, ask it with dao.query(…).',
      )
    : ok(key.terms.map(({ column }) => column));
}

function refused(reason: string, suggestion?: string): Result<never, MigrateError> {
  return err(migrateError({ kind: 'usage', reason, ...(suggestion === undefined ? {} : { suggestion }) }));
}

function described({ database, config }: GenerateOptions, table: TableSnapshot): ResultAsync<DaoToWrite, MigrateError> {
  const describe = config.target.dialect === 'postgres' ? describePostgres : describeSqlite;
  const read = async (): Promise<DaoToWrite> => {
    const opened = openReadOnlyDatabase({ database });
    try {
      return { ...(await describe(opened.knex, table)), primaryKey: [] };
    } finally {
      await opened.knex.destroy();
    }
  };
  return ResultAsync.fromPromise(read(), (cause) =>
    migrateError({ kind: 'usage', reason: `${table.name} could not be read: ${reasonOf(cause)}` }, { cause }),
  );
}

/** A row of examples would be refused. */
function reasonForNoRow(table: TableSnapshot, live: DaoToWrite): string | undefined {
  const needed = live.columns.filter(isNeeded);
  const names = new Set(needed.map(({ name }) => name));
  const reference = table.foreignKeys.find(({ columns }) => columns.some((column) => names.has(column)));
  if (reference !== undefined) return `it refers to a row of ${reference.references.table}`;
  if (live.hasOtherChecks) return 'its checks ask for more than the types say';
  const unknown = needed.find(({ example }) => example === undefined);
  return unknown === undefined ? undefined : `what ${unknown.name} takes is not known`;
}

function generated({ config, steps }: GenerateOptions, table: DaoToWrite): GeneratedDao {
  const server =
    config.target.dialect === 'postgres' ? [`  server: process.env['TEST_SERVER'] ?? 'postgres:///postgres',`] : [];
  const kit = [`  steps: ${literal(steps)},`, ...server].join('\n');
  return {
    table: table.name,
    dao: `${typeName(table.name)}Dao`,
    columns: table.columns.length,
    primaryKey: table.primaryKey,
    notes: table.columns.flatMap(({ name, note }) => (note === undefined ? [] : [{ column: name, note }])),
    todo: table.todo ?? null,
    files: [daoFile(table), testFile(table, kit)],
  };
}
