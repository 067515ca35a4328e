// Entry `migrate-safe/dao`: tables, DAOs, units of work. Loads knex and zod; a driver is loaded when a database is opened.
export { AppDatabase, ReadOnlyDatabase, type CloseFailed } from './dao/app-database.js';
export type { Access, Isolation } from './dao/app/flavour.js';
export { AppendOnlyDao } from './dao/append-only-dao.js';
export { Dao, type Expecting, type UpsertOptions } from './dao/dao.js';
export { isRetryable } from './dao/dao-error.js';
export type {
  ChainBroken,
  ConnectionLost,
  DaoError,
  DatabaseError,
  Failed,
  InvalidCall,
  InvalidRow,
  Leak,
  NotFound,
  ReadError,
  ReadOnly,
  StaleVersion,
  Transient,
  ValueIssue,
  Violation,
  WriteError,
} from './dao/dao-error.js';
export type { Aggregate, AggregateQuery, AggregateRow, Aggregates, AggregatesOf } from './dao/query/aggregate.js';
export type { Cursor } from './dao/query/keyset.js';
export type { Direction, OrderBy } from './dao/query/order-by.js';
export type { Removed } from './dao/query/select.js';
export { and, not, or, type Combined, type Condition, type Where } from './dao/query/where.js';
export { defineQuery, type NamedQuery, type ParamsOf, type QueryDefinition } from './dao/named-query.js';
export { ReadOnlyAppendOnlyDao } from './dao/read-only-append-only-dao.js';
export { ReadOnlyDao, type Filter, type ListQuery, type Page, type PageQuery } from './dao/read-only-dao.js';
export { bytes, decimal, json, type ColumnKind, type DecimalSchema, type JsonSchema } from './dao/table/column.js';
export {
  defineAppendOnlyTable,
  type AnyAppendOnlyTable,
  type AppendOnlyOptions,
  type AppendOnlyTable,
} from './dao/table/append-only-table.js';
export { defineTable } from './dao/table/table.js';
export type { AnyTable, Changes, Columns, Key, NewRow, Row, Shape, Table, TableOptions } from './dao/table/table.js';
export { newRowCodec, rowCodec, type Wire, type WireCodec } from './dao/table/wire.js';
export type { ChainHead } from './core/journal/hash-chain.js';
export { appendOnlyGuards, appendOnlyStep, type AppendOnlyGuards } from './append-only-guards.js';
export { UnitOfWork, type UnitOptions } from './dao/unit-of-work.js';
export { openDatabase, openReadOnlyDatabase, type OpenDatabaseOptions } from './open-database.js';
export { Tokens } from './tokens.js';
