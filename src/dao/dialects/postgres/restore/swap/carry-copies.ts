// Takes the copies of tables, schema `migrate_safe_backup`, along into a new database: they are ways back like any other.
import type { Readable } from 'node:stream';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../../core/ports/session.js';
import { inOrder } from '../../../../in-order.js';
import { runTool } from '../../backup/run-tool.js';
import type { PostgresServer, Toolbox } from '../../backup/server.js';
import type { PostgresConnection } from '../../connection.js';
import { textLiteral } from '../literal.js';
import { PsqlSession } from '../psql-session.js';

const SCHEMA = 'migrate_safe_backup';

/** As the statements need them. */
const TABLES = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = '${SCHEMA}' AND c.relkind = 'r' ORDER BY 1`;

export const copiesIn = (session: Session): ResultAsync<readonly string[], SqlError> =>
  session.all<{ name: string }>(TABLES).map((found) => found.map(({ name }) => name));

/** `from` leads to the live database, whose copies nobody changes meanwhile. */
export function carryCopies(
  live: PostgresConnection,
  from: Toolbox,
  { server, into }: { readonly server: PostgresServer; readonly into: Toolbox },
): ResultAsync<void, SqlError> {
  return copiesIn(live).andThen((tables) => {
    if (tables.length === 0) return okAsync(undefined);
    return streamed(from, into)
      .andThen(() => counts(live, tables))
      .andThen((before) =>
        server
          .withConnection((there) => counts(there, tables))
          .andThen((after) => (before === after ? okAsync(undefined) : errAsync(INCOMPLETE))),
      );
  });
}
const INCOMPLETE: SqlError = {
  kind: 'other',
  code: '',
  message: `the copies of tables in ${SCHEMA} did not come out as they are in the live database`,
};

function streamed({ tools, env }: Toolbox, into: Toolbox): ResultAsync<void, SqlError> {
  const psql = new PsqlSession(into.tools.psql, into.env);
  return runTool(
    { program: tools.pgDump, args: [`--schema=${SCHEMA}`, '--no-password'], env },
    async (output: Readable) => {
      for await (const chunk of output as AsyncIterable<Buffer>) await psql.feed(chunk);
    },
  )
    .andThen(() => psql.endOfFeed())
    .andThen(() => psql.close())
    .orElse((error) => {
      // Where the server refused, pg_dump only ended because nobody listened any more.
      const reason = psql.failure ?? error;
      psql.kill();
      return errAsync(reason);
    });
}

const TABLES_PER_STATEMENT = 100;

/** How many rows each has, as one text. */
function counts(session: Session, tables: readonly string[]): ResultAsync<string, SqlError> {
  const batches = Array.from({ length: Math.ceil(tables.length / TABLES_PER_STATEMENT) }, (_, at) =>
    tables.slice(at * TABLES_PER_STATEMENT, (at + 1) * TABLES_PER_STATEMENT),
  );
  return inOrder(batches, (batch) =>
    session.all<{ name: string; n: number }>(
      batch.map((table) => `SELECT ${textLiteral(table)} AS name, count(*) AS n FROM ${table}`).join(' UNION ALL '),
    ),
  ).map((found) =>
    found
      .flat()
      .map(({ name, n }) => `${name} ${n}`)
      .toSorted()
      .join('\n'),
  );
}
