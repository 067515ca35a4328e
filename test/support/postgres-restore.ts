// A PostgreSQL database with a journal, and what restores an archive into it.
import { readFileSync } from 'node:fs';
import { okAsync, type Result, type ResultAsync } from 'neverthrow';
import pg from 'pg';
import type { DomainEvent } from '#src/core/events/event.js';
import { EMPTY_HEAD, link, type JournalHead } from '#src/core/journal/chain.js';
import type { NotKept, StaleJournal } from '#src/core/ports/refusals.js';
import type { SqlError } from '#src/core/ports/session.js';
import type { WholeRestore, WholeRestoreError } from '#src/core/ports/whole-restore.js';
import type { PgTools } from '#src/dao/dialects/postgres/backup/tools.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { raiseLayout } from '#src/dao/dialects/postgres/layout.js';
import { PostgresWholeRestore } from '#src/dao/dialects/postgres/restore/whole-restore.js';
import { POSTGRES_TABLES } from '#src/dao/dialects/postgres/system-tables.js';
import { JournalDao } from '#src/dao/system/journal-dao.js';
import { archiveOf, makeRoles, sql, textOf, toolsOf } from './kitchen-sink.js';
import { freshDatabase } from './postgres.js';
import { value } from './project.js';

export const RECORDING = {
  runId: 'r1',
  component: 'main',
  recordedAt: '2026-01-01T00:00:00.000Z',
  actor: { user: "o'neil \\ :x ?", host: 'h', pid: 1, engine: 'e' },
};
const STARTED: DomainEvent = {
  type: 'RunStarted',
  data: { databaseId: 'd1', kind: 'restore', plan: [], fileBackup: 'never', guard: 'off' },
};
export const ENDED: DomainEvent = {
  type: 'RunCompleted',
  data: { steps: 0, durationMs: 1, schema: "it's \\ $1 :a ? 'ö \u0000" },
};
type Restore = WholeRestore<string, string>;
type Restored = { readonly rows: number; readonly kept: string };
export type RestoreFailure = SqlError | StaleJournal | WholeRestoreError | NotKept<string>;

export interface RestoreBench {
  readonly url: string;
  readonly tools: PgTools;
  readonly journal: JournalDao;
  /** All of the application's part, as pg_dump writes it. */
  text(): Promise<string>;
  archive(): Promise<string>;
  sql<R extends pg.QueryResultRow>(text: string): Promise<R[]>;
  /** One more event. */
  append(): Promise<void>;
  /** `through`: another way to the same server, for the programs. */
  restore(file: string, more?: Partial<Restore>, through?: string): Promise<Result<Restored, RestoreFailure>>;
  close(): Promise<void>;
}

/** `as`: the role that restores; without one, who the tests are. */
export async function restoreBench(test: Mocha.Context, as?: { readonly role: string }): Promise<RestoreBench> {
  const database = await freshDatabase(test);
  const tools = (await toolsOf(database.url)) ?? test.skip();
  await makeRoles(database.url);
  const own = new URL(database.url);
  if (as !== undefined) {
    await sql(database.url, `ALTER DATABASE ${own.pathname.slice(1)} OWNER TO ${as.role}`);
    own.username = as.role;
    own.password = as.role;
  }
  const url = own.href;
  const connection = value(await PostgresConnection.connect(pg, { connectionString: url }));
  const journal = new JournalDao(connection, POSTGRES_TABLES);
  value(await raiseLayout(connection));
  value(await journal.append(link(EMPTY_HEAD, RECORDING, [STARTED])));
  const head = async (): Promise<JournalHead> => (await journal.head()).unwrapOr(EMPTY_HEAD);
  const restore: RestoreBench['restore'] = async (file, more = {}, through = url) => {
    const after = await head();
    return new PostgresWholeRestore(connection, { connectionString: through }).restoreWhole<string, string>({
      file,
      journal: 'goes-on',
      keep: (): ResultAsync<string, string> => okAsync('kept'),
      record: () => ({ after, events: link(after, RECORDING, [ENDED]), steps: [] }),
      signal: new AbortController().signal,
      ...more,
    });
  };
  return {
    url,
    tools,
    journal,
    text: () => textOf(tools, url),
    archive: () => archiveOf(tools, url),
    sql: (text) => sql(url, text),
    append: async () => value(await journal.append(link(await head(), RECORDING, [ENDED]))),
    restore,
    close: async () => {
      value(await connection.close());
      await database.drop();
    },
  };
}

/** The processes that this one started, by the program's name; Linux only. */
export function children(program: string): readonly number[] {
  const tasks = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return tasks.filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === program);
}
