// The first look of a step at its transaction: all counters, and the relations of the engine's own.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { LOOK_ALL, LOOK_THESE, lookOf, type Look, type LookRow } from './look.js';
import { OWN_RELATIONS, type RelationRow } from './relations.js';

/** What the server does not count is asked of nobody else. */
export const NOT_COUNTING: SqlError = {
  kind: 'other',
  code: '55000',
  message: 'rows are not counted (track_counts is off), so that what a step loses cannot be told',
  fix: 'ALTER SYSTEM SET track_counts = on; SELECT pg_reload_conf()',
};

/** The first look, with all counters, and the relations of the engine's own. */
interface First {
  readonly first: Look;
  readonly own: readonly RelationRow[];
}
const firstOf = (seen: string): string => `SELECT ${seen} AS look, ${OWN_RELATIONS} AS own`;
type FirstRow = { readonly look: LookRow; readonly own: readonly RelationRow[] | null };

const lookFirst = (
  connection: PostgresConnection,
  counted: ReadonlySet<number> | undefined,
): ResultAsync<First, SqlError> =>
  (counted === undefined
    ? connection.prepared<FirstRow>('first_look', firstOf(LOOK_ALL))
    : connection.prepared<FirstRow>('next_look', firstOf(LOOK_THESE), [[...counted]])
  ).map(({ rows: [row] }) => ({ first: lookOf(row?.look, 'all'), own: row?.own ?? [] }));

/** `counted`: the only relations that can have counters. Where rows are not counted, who may turn that on does. */
export const firstLook = (
  connection: PostgresConnection,
  counted: ReadonlySet<number> | undefined,
): ResultAsync<First, SqlError> =>
  lookFirst(connection, counted).andThen((seen) =>
    seen.first.isCounting
      ? okAsync<First, SqlError>(seen)
      : connection
          .query('SET LOCAL track_counts = on')
          .mapErr((error) => (error.kind === 'connection-lost' ? error : { ...NOT_COUNTING, cause: error.cause }))
          .andThen(() => lookFirst(connection, counted)),
  );
