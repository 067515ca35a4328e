// What the server would make of a CREATE INDEX: asked on an empty copy of the table, in a transaction that is taken back.
import { okAsync, ResultAsync } from 'neverthrow';
import type { PostgresConnection } from '../../connection.js';
import { quoted, sqlName } from '../../name.js';
import { isTrivia, keywordOf, tokenize, type Token } from '../../sql/token.js';
import type { Resolved } from './context.js';
import { indexesOf } from './indexes.js';

/**
 * The definition as `IndexState` has it; undefined where the server does not make it on a copy: an expression over the
 * whole row, or no right to temporary tables.
 */
export function expectedDefinition(
  connection: PostgresConnection,
  sql: string,
  table: Resolved,
): ResultAsync<string | undefined, never> {
  const like = onCopy(sql, table.name);
  if (like === undefined) return okAsync(undefined);
  const made = connection
    .query('BEGIN')
    .andThen(() => connection.query(`CREATE TEMPORARY TABLE ${quoted(table.name)} (LIKE ${sqlName(table)})`))
    .andThen(() => connection.query(like))
    .andThen(() =>
      connection.query<{ oid: number }>('SELECT pg_catalog.to_regclass($1)::oid::bigint AS oid', [
        `pg_temp.${quoted(table.name)}`,
      ]),
    )
    .andThen(({ rows }) => indexesOf(connection, rows[0]?.oid ?? 0))
    .map(([index]) => index?.definition)
    .orElse(() => okAsync(undefined));
  return made.andThen((definition) =>
    connection
      .query('ROLLBACK')
      .map(() => definition)
      .orElse(() => okAsync(undefined)),
  );
}

/** The statement without IF NOT EXISTS: the engine looks by itself, and an index that somebody else makes meanwhile is an error. */
export function withoutIfNotExists(sql: string): string {
  const { tokens, name } = headOf(sql);
  const first = tokens[name - 3];
  const last = tokens[name - 1];
  const isThere = keywordOf(first) === 'IF' && keywordOf(last) === 'EXISTS';
  return isThere && first && last ? sql.slice(0, first.start) + sql.slice(last.end).trimStart() : sql;
}

/** The same index on a temporary table of the same name: an expression may name the table. */
function onCopy(sql: string, table: string): string | undefined {
  const plain = withoutIfNotExists(sql);
  const { tokens, name } = headOf(plain);
  const on = tokens.findIndex((token, at) => at >= name && keywordOf(token) === 'ON');
  const [concurrently, from] = [tokens[name - 1], tokens[on]];
  if (concurrently === undefined || from === undefined) return undefined;
  // ONLY may have its table in parentheses.
  const behind = keywordOf(tokens[on + 1]) === 'ONLY' && tokens[on + 2]?.text === '(' ? on + 5 : on + 1;
  const to = tokens.find((token, at) => at >= behind && (keywordOf(token) === 'USING' || token.text === '('));
  if (to === undefined) return undefined;
  const head = plain.slice(0, concurrently.start) + plain.slice(concurrently.end, from.end);
  return `${head} pg_temp.${quoted(table)} ${plain.slice(to.start)}`;
}

/** The tokens that mean something, and where behind CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] the name, or ON, is. */
function headOf(sql: string): { readonly tokens: readonly Token[]; readonly name: number } {
  const tokens = tokenize(sql).filter((token) => !isTrivia(token));
  const behind = tokens.findIndex((token) => keywordOf(token) === 'CONCURRENTLY') + 1;
  return { tokens, name: keywordOf(tokens[behind]) === 'IF' ? behind + 3 : behind };
}
