// The second half of the demo: a purge that was not declared, one that was and is regretted, and a kill in the middle of a step.
import { copyFile } from 'node:fs/promises';
import { openDatabase, rowCodec } from 'migrate-safe/dao';
import { CompletionRequests } from '../tables.js';
import { openSchema } from '../schema.js';
import { countText } from './progress-lines.js';
import { PURGE_BEFORE, UNDECLARED_PURGE, WITH_PURGE, withLatency } from './releases.js';
import { digestOfFile, errorText, must, type Stage } from './stage.js';
import { check, fact, quote, scene } from './terminal.js';
import { digestOf, without, type Digest } from './truth.js';

export async function guardRefuses(stage: Stage): Promise<void> {
  scene(
    'The guard',
    'A release deletes the requests of January, and with them their errors, but does not say so beforehand.',
  );
  const refusal = await stage.start(UNDECLARED_PURGE);
  quote(refusal === undefined ? 'it started' : errorText(refusal));
  const lines = refusal?.kind === 'guard-refused' ? refusal.declare.join(' ') : '';
  check('the purge is refused before it commits', refusal?.kind === 'guard-refused' && refusal.state === 'rolled-back');
  check(
    'the line that would allow it is printed',
    /mayLoseRows: \[.*\]/.test(lines) && lines.includes("'completion_requests'") && lines.includes("'request_errors'"),
    lines,
  );
  await stage.checkRows('every row is still there');
}

/** Of a copy of `file`: opening it could write to it, and a backup is not to be written to. */
async function digestOfCopy(file: string, copy: string): Promise<Digest> {
  await copyFile(file, copy);
  return digestOfFile(copy);
}

export async function purgeAndRegret(stage: Stage): Promise<void> {
  scene(
    'Declared, and regretted',
    'With that line the purge goes through. Then January is wanted back: the backup from before the step.',
  );
  const before = stage.truth;
  const kept = without(before, PURGE_BEFORE);
  const refusal = await stage.start(WITH_PURGE);
  if (refusal) return quote(errorText(refusal));
  stage.truth = kept;
  await stage.checkRows('exactly what was declared is gone');

  const { safe } = stage.service;
  const late = {
    started_at: '2026-04-01T09:00:00.000Z',
    provider: 'local',
    model: 'llama-3.1-8b',
    prompt_tokens: 5,
    completion_tokens: 7,
    duration_ms: 90,
    success: true,
  };
  const answer = await stage.ask('POST', '/completion_requests', late);
  const journalBefore = must(await safe.history());

  const stakes: string[] = [];
  const restored = must(
    await safe.restore({
      choice: { beforeStep: '0005' },
      // An application would show this and wait for a person's yes.
      confirm: ({ atStake }) => {
        for (const { table, written, deleted } of atStake ?? []) {
          stakes.push(`${table} ${written}`);
          fact(
            'to before 0005',
            `${table}: ${countText(written)} written since would go, ${countText(deleted)} come back`,
          );
        }
        return Promise.resolve(true);
      },
    }),
  );
  fact('restored', `${countText(restored.restored.rows)} rows from ${restored.backup.manifest.id}`);
  fact('kept aside', restored.safetyBackupId ?? 'nothing');
  check('the row written since was counted before anything was done', stakes.includes('completion_requests 1'));
  const { backups } = must(await safe.listBackups());
  const safety = backups.find(({ manifest }) => manifest.id === restored.safetyBackupId);
  const aside = safety ? await digestOfCopy(safety.file, `${stage.file}.looked-at`) : undefined;
  const written = rowCodec(CompletionRequests).parse(answer.body);
  check(
    'it is in the safety copy of the state from before the restore',
    aside?.sha256 === digestOf({ ...kept, requests: [...kept.requests, written] }).sha256,
    `${countText(aside?.requests ?? 0)} requests, every value of them`,
  );
  stage.truth = before;
  await stage.checkRows('January is back, every row of it');
  const listed = await stage.ask('GET', '/completion_requests?start=2026-01-01&end=2026-02-01');
  const { total } = listed.body as { total: number };
  check(
    'the service that was running all the while answers from it',
    total === before.requests.length - kept.requests.length,
    `${countText(total)} requests in January`,
  );

  const journal = must(await safe.history());
  const goesOn = journalBefore.every(({ hash }, index) => journal[index]?.hash === hash);
  check(
    'the data went back, the journal went on',
    goesOn && journal.length > journalBefore.length,
    `event ${journalBefore.length} before, event ${journal.length} now`,
  );
  const audit = must(await safe.audit());
  check('its chain of hashes holds', audit.events === journal.length, `head ${audit.head.hash.slice(0, 12)}`);
}

export async function killed(stage: Stage): Promise<void> {
  scene('Killed', 'Another release, in a process of its own, is killed with no warning in the middle of a long step.');
  await stage.startAndKill();
  await stage.checkRows('the database is whole, and nothing of the step is in it');
  const release = withLatency();
  const database = openDatabase({ database: stage.url });
  const safe = openSchema(database.knex, stage.backups, release);
  const { steps } = must(await safe.status());
  must(await safe.close());
  must(await database.close());
  const state = steps.find(({ version }) => version === '0006')?.state ?? 'not known';
  check('the journal knows of it', state === 'interrupted', `0006 is ${state}`);

  fact('start again', 'the same release, nothing else done');
  const refusal = await stage.start(release);
  if (refusal) quote(errorText(refusal));
  check(
    'it recovers by itself, and the step is applied once',
    refusal === undefined && stage.service.migrated.applied.length === 1,
  );
  const unrated: { count: number }[] = await stage.service.database
    .knex('completion_requests')
    .whereNull('latency')
    .count({ count: '*' });
  check('every request is rated', unrated[0]?.count === 0);
  await stage.checkRows('and every row is otherwise what it was');
}

export async function toldAtTheEnd(stage: Stage): Promise<void> {
  scene('What is on record', 'Every run, failure, restore and recovery of the last seconds, in the database itself.');
  const events = must(await stage.service.safe.history());
  const counts = new Map<string, number>();
  for (const { type } of events) counts.set(type, (counts.get(type) ?? 0) + 1);
  for (const type of ['RunStarted', 'StepApplied', 'StepRolledBack', 'StepReverted', 'BackupRestored', 'RunRecovered'])
    fact(type, String(counts.get(type) ?? 0));
  const audit = must(await stage.service.safe.audit());
  check(
    'the whole journal is what was written',
    audit.events === events.length,
    `${audit.events} events, head ${audit.head.hash.slice(0, 12)}`,
  );
}
