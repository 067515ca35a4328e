// Makes the journal of a database long, as years of backups on request would: every event linked and appended as the engine does it.
import { link, type JournalHead } from '#src/core/journal/chain.js';
import type { RecordedEvent } from '#src/core/events/envelope.js';
import type { DomainEvent } from '#src/core/events/event.js';
import type { OpenDatabase } from '#src/core/ports/database.js';
import { resolveTarget } from '#src/target.js';
import { SqliteDatabase } from '#src/dao/dialects/sqlite/sqlite-database.js';
import { managerIn, unwrapped } from './history.js';

const BUSY_WAIT_MS = 1000;

/** Appends runs that changed nothing until the journal has at least `length` events; the chain is proven afterwards. */
export async function lengthenJournal(folder: string, url: string, length: number): Promise<void> {
  const target = resolveTarget(url, BUSY_WAIT_MS);
  if (target.isErr()) throw new Error(target.error);
  if (target.value.dialect !== 'sqlite') throw new Error(`${url} is no SQLite database`);
  const database = await unwrapped(
    new SqliteDatabase(target.value).open('read').mapErr(({ kind }) => ({ message: kind })),
  );
  const glance = await unwrapped(database.glance());
  if (glance === undefined) throw new Error(`${folder} has no journal`);
  const runs = Math.ceil((length - glance.head.position) / 2);
  const events = linkRuns(glance.head, runs, glance.databaseId, await lastSchema(database));
  await unwrapped(database.append(glance.head, events).mapErr(({ kind }) => ({ message: kind })));
  await unwrapped(database.close());
  const safe = managerIn(folder);
  const proof = await unwrapped(safe.audit());
  await unwrapped(safe.close());
  if (proof.events < length) throw new Error(`the journal has ${proof.events} events, not ${length}`);
}

function linkRuns(head: JournalHead, runs: number, databaseId: string, schema: string): RecordedEvent[] {
  const all: RecordedEvent[] = [];
  const actor = { user: 'bench', host: 'bench', pid: 1, engine: 'bench' };
  for (let run = 0; run < runs; run++) {
    const recording = {
      runId: run.toString(16).padStart(16, '0'),
      component: 'main',
      recordedAt: new Date(run).toISOString(),
      actor,
    };
    const facts: DomainEvent[] = [
      { type: 'RunStarted', data: { databaseId, kind: 'backup', plan: [], fileBackup: 'never', guard: 'enforce' } },
      { type: 'RunCompleted', data: { steps: 0, durationMs: 0, schema } },
    ];
    all.push(...link(all.at(-1) ?? head, recording, facts));
  }
  return all;
}

/** What the last run said of the schema. */
async function lastSchema(database: OpenDatabase): Promise<string> {
  const last = (await unwrapped(database.readJournal())).findLast(({ type }) => type === 'RunCompleted');
  const schema = last?.data['schema'];
  if (typeof schema !== 'string') throw new Error('no run has ended yet');
  return schema;
}
