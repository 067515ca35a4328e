// REINDEX … CONCURRENTLY: one that stopped half-way leaves the new or the old twin of an index, which costs writes and is of no use.
import { err, okAsync, type Result, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../../core/ports/session.js';
import type { OutsideAction } from '../../sql/facts.js';
import { inTries, plainly, resolve, type OutsideContext, type OutsideDone } from './context.js';
import { dropInvalid, invalidOn } from './indexes.js';

type Action = Extract<OutsideAction, { kind: 'reindex' }>;

export async function reindex(
  context: OutsideContext,
  sql: string,
  action: Action,
): Promise<Result<OutsideDone, SqlError>> {
  const tables = await tablesOf(context, action);
  if (tables.isErr()) return err(tables.error);
  const clear = (): ResultAsync<void, SqlError> => dropTwins(context, tables.value);
  return inTries(context, () => clear().andThen(() => plainly(context, sql)), clear);
}

// The index's or the table's partitions as well, and the tables that keep their long values.
const OWN = `
  WITH named AS (
    SELECT $1::oid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree($1::oid::regclass)
  ), own AS (
    SELECT coalesce(x.indrelid, named.oid) AS oid FROM named LEFT JOIN pg_catalog.pg_index AS x ON x.indexrelid = named.oid
  )
  SELECT c.oid::bigint AS oid FROM own JOIN pg_catalog.pg_class AS t ON t.oid = own.oid
  JOIN pg_catalog.pg_class AS c ON c.oid = t.oid OR c.oid = t.reltoastrelid`;

function tablesOf({ connection }: OutsideContext, action: Action): ResultAsync<readonly number[] | 'all', SqlError> {
  if (action.scope === 'database') return okAsync('all');
  return resolve(connection, action.of).andThen((found) =>
    found === undefined
      ? okAsync([])
      : connection.query<{ oid: number }>(OWN, [found.oid]).map(({ rows }) => rows.map(({ oid }) => oid)),
  );
}

// https://www.postgresql.org/docs/current/sql-reindex.html#SQL-REINDEX-CONCURRENTLY; the server numbers further ones.
const TWIN = /_cc(?:new|old)\d*$/;

function dropTwins({ connection }: OutsideContext, tables: readonly number[] | 'all'): ResultAsync<void, SqlError> {
  return invalidOn(connection, tables).andThen((invalid) =>
    dropInvalid(
      connection,
      invalid.filter(({ name }) => TWIN.test(name)),
    ),
  );
}
