// A whole PostgreSQL database put back in one transaction: what it is afterwards, and what stays.
import { expect } from 'chai';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import { EMPTY_HEAD, link } from '#src/core/journal/chain.js';
import type { JournalTail, WholeRestore } from '#src/core/ports/whole-restore.js';
import type { DomainEvent } from '#src/core/events/event.js';
import type { PgTools } from '#src/dao/dialects/postgres/backup/tools.js';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { raiseLayout } from '#src/dao/dialects/postgres/layout.js';
import { PostgresWholeRestore } from '#src/dao/dialects/postgres/restore/whole-restore.js';
import { POSTGRES_TABLES } from '#src/dao/dialects/postgres/system-tables.js';
import { JournalDao } from '#src/dao/system/journal-dao.js';
import pg from 'pg';
import { archiveOf, damage, kitchenSink, makeRoles, sql, textOf, toolsOf } from '../support/kitchen-sink.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';

const unwrap = async <T>(result: ResultAsync<T, unknown>): Promise<T> =>
  (await result).match(
    (value) => value,
    (error) => {
      throw new Error(JSON.stringify(error));
    },
  );
const RECORDING = {
  runId: 'r1',
  component: 'main',
  recordedAt: '2026-01-01T00:00:00.000Z',
  actor: { user: "o'neil \\ :x", host: 'h', pid: 1, engine: 'e' },
};
const KEPT =
  'SELECT id, feels::text, email::text, extra::text, pg_typeof(feels)::text AS type FROM migrate_safe_backup.people ORDER BY id';
const started: DomainEvent = {
  type: 'RunStarted',
  data: { databaseId: 'd1', kind: 'restore', plan: [], fileBackup: 'never', guard: 'off' },
};
const ended: DomainEvent = { type: 'RunCompleted', data: { steps: 0, durationMs: 1, schema: "it's \\ $1 :a 'ö" } };

describe('the restore of a whole PostgreSQL database', function () {
  this.timeout(40_000);
  let database: TestDatabase;
  let tools: PgTools;
  let connection: PostgresConnection;
  let journal: JournalDao;

  const open = async (url: string): Promise<void> => {
    connection = await unwrap(PostgresConnection.connect(pg, { connectionString: url }));
    journal = new JournalDao(connection, POSTGRES_TABLES);
  };
  beforeEach(async function () {
    database = await freshDatabase(this);
    const found = await toolsOf(database.url);
    if (found === undefined) return this.skip();
    tools = found;
    await makeRoles(database.url);
    await open(database.url);
    await unwrap(raiseLayout(connection));
    await unwrap(journal.append(link(EMPTY_HEAD, RECORDING, [started])));
  });
  afterEach(async () => {
    await unwrap(connection.close());
    await database.drop();
  });

  const head = async (): Promise<JournalTail['after']> => unwrap(journal.head());
  const request = async (
    file: string,
    more: Partial<WholeRestore<string, string>> = {},
  ): Promise<WholeRestore<string, string>> => {
    const after = await head();
    return {
      file,
      journal: 'goes-on',
      keep: () => okAsync('kept'),
      record: () => ({ after, events: link(after, RECORDING, [ended]), steps: [] }),
      signal: new AbortController().signal,
      ...more,
    };
  };
  const restore = (): PostgresWholeRestore => new PostgresWholeRestore(connection, { connectionString: database.url });

  it('brings every kind of object back as it was, and keeps what was recorded since', async () => {
    await sql(database.url, kitchenSink(true));
    const before = await textOf(tools, database.url);
    const file = await archiveOf(tools, database.url);
    await unwrap(journal.append(link(await head(), RECORDING, [ended])));
    await sql(
      database.url,
      `CREATE SCHEMA migrate_safe_backup; CREATE TABLE migrate_safe_backup.people AS TABLE people`,
    );
    const kept = await sql(database.url, KEPT);
    await sql(database.url, damage(true));
    const done = await unwrap(restore().restoreWhole(await request(file)));
    expect(done).to.deep.include({ kept: 'kept' });
    expect(await textOf(tools, database.url)).to.equal(before);
    const events = await unwrap(journal.read());
    expect(events.map(({ type }) => type)).to.deep.equal(['RunStarted', 'RunCompleted', 'RunCompleted']);
    expect(events[2]).to.deep.include({ actor: RECORDING.actor, data: ended.data });
    expect(await sql(database.url, KEPT)).to.deep.equal(kept);
  });

  it('leaves everything as it is where the copy could not be kept', async () => {
    await sql(database.url, kitchenSink(true));
    const file = await archiveOf(tools, database.url);
    await sql(database.url, damage(true));
    const before = await textOf(tools, database.url);
    const error = (
      await restore().restoreWhole(await request(file, { keep: () => errAsync('disk full') }))
    )._unsafeUnwrapErr();
    expect(error).to.deep.equal({ kind: 'not-kept', error: 'disk full' });
    expect(await textOf(tools, database.url)).to.equal(before);
  });
});
