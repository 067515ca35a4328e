// What became of a write whose answer was lost: looked up, told once, and never written twice.
import { expect } from 'chai';
import { errAsync, okAsync } from 'neverthrow';
import type { RecordedEvent } from '#src/core/events/envelope.js';
import { EMPTY_HEAD, link } from '#src/core/journal/chain.js';
import { appendSettled, rollBackSettled, settleCommit } from '#src/core/manager/settle-commit.js';
import type { OpenDatabase } from '#src/core/ports/database.js';
import type { SqlError } from '#src/core/ports/session.js';

type Journal = Pick<OpenDatabase, 'append' | 'readJournal' | 'reconnect'>;

const LOST: SqlError = { kind: 'connection-lost', code: '', message: 'Connection terminated unexpectedly' };
const GONE: SqlError = { kind: 'cannot-open', code: 'ECONNREFUSED', message: 'nobody answers' };
const BUSY: SqlError = { kind: 'busy', code: '55P03', message: 'a lock is held' };

const recovered = (runId: string): RecordedEvent[] =>
  link(
    EMPTY_HEAD,
    {
      runId,
      component: 'main',
      recordedAt: '2026-01-01T00:00:00.000Z',
      actor: { user: 'u', host: 'h', pid: 1, engine: 'e' },
    },
    [
      { type: 'RunRecovered', data: { interruptedRunId: runId, version: null, finding: 'between-steps' } },
      { type: 'RunRecovered', data: { interruptedRunId: runId, version: null, finding: 'between-steps' } },
    ],
  );
const OURS = recovered('ours');
const OTHERS = recovered('others');

type Answer = 'ok' | 'lost-after' | 'lost-before' | 'busy';

/** A journal whose connection breaks as told, append by append. */
function journal(answers: readonly Answer[], held: RecordedEvent[] = [], back = true) {
  const calls: string[] = [];
  const left = [...answers];
  const database: Journal = {
    append: (_, events) => {
      const answer = left.shift() ?? 'ok';
      calls.push(`append ${answer}`);
      if (answer === 'ok' || answer === 'lost-after') held.push(...events);
      if (answer === 'ok') return okAsync(undefined);
      return errAsync(answer === 'busy' ? BUSY : LOST);
    },
    readJournal: (from = 0) => {
      calls.push('read');
      return okAsync(held.slice(from));
    },
    reconnect: () => {
      calls.push('reconnect');
      return back ? okAsync(undefined) : errAsync(GONE);
    },
  };
  return { database, calls, held };
}

describe('a commit without an answer', () => {
  it('is a commit where the journal holds its events', async () => {
    const { database, calls } = journal([], [...OURS]);
    const settled = await settleCommit(database, LOST, EMPTY_HEAD, OURS);
    expect(settled.isOk()).to.equal(true);
    expect(calls).to.deep.equal(['reconnect', 'read']);
  });

  it('is none where the journal does not', async () => {
    const { database } = journal([]);
    const settled = await settleCommit(database, LOST, EMPTY_HEAD, OURS);
    expect(settled.isErr() && settled.error).to.equal(LOST);
  });

  it('is open where nobody can be asked', async () => {
    const { database } = journal([], [...OURS], false);
    const settled = await settleCommit(database, LOST, EMPTY_HEAD, OURS);
    expect(settled.isErr() && settled.error).to.deep.equal({ kind: 'unsettled', error: GONE });
  });

  it('is not claimed where another run has gone on, whether from it or without it', async () => {
    for (const held of [OTHERS, [...OURS, ...OTHERS]]) {
      const { database } = journal([], [...held]);
      const settled = await settleCommit(database, LOST, EMPTY_HEAD, OURS);
      expect(settled.isErr() && settled.error.kind).to.equal('unsettled');
      const stale = await rollBackSettled(database, { rollback: () => okAsync(undefined) }, EMPTY_HEAD);
      expect(stale.isOk() && stale.value).to.deep.equal({ kind: 'stale-journal', expected: 0, actual: held.length });
    }
  });

  it('is a failure as ever where the connection stands, or cannot be had again', async () => {
    const { database, calls } = journal([]);
    const busy = await settleCommit(database, BUSY, EMPTY_HEAD, OURS);
    expect(busy.isErr() && busy.error).to.equal(BUSY);
    const file = { append: database.append, readJournal: database.readJournal };
    const lost = await settleCommit(file, LOST, EMPTY_HEAD, OURS);
    expect(lost.isErr() && lost.error).to.equal(LOST);
    expect(calls).to.deep.equal([]);
  });
});

describe('an append to the journal', () => {
  const appended = async (answers: readonly Answer[], back = true) => {
    const { database, calls, held } = journal(answers, [], back);
    const outcome = await appendSettled(database, EMPTY_HEAD, OURS, []);
    return { calls, held, error: outcome.isErr() ? outcome.error : undefined };
  };

  it('is done once where it went through but was not answered', async () => {
    const { calls, held, error } = await appended(['lost-after']);
    expect(error).to.equal(undefined);
    expect(held).to.deep.equal(OURS);
    expect(calls).to.deep.equal(['append lost-after', 'reconnect', 'read']);
  });

  it('is done again where it did not go through', async () => {
    const { calls, held, error } = await appended(['lost-before']);
    expect(error).to.equal(undefined);
    expect(held).to.deep.equal(OURS);
    expect(calls).to.deep.equal(['append lost-before', 'reconnect', 'read', 'append ok']);
  });

  it('fails where the connection is lost twice, or stays away, or something else is wrong', async () => {
    expect((await appended(['lost-before', 'lost-before'])).error).to.equal(LOST);
    expect((await appended(['lost-before'], false)).error).to.equal(GONE);
    expect((await appended(['busy'])).error).to.equal(BUSY);
  });
});

describe('a rollback', () => {
  it('has happened where the connection is lost; the next one is made', async () => {
    const { database, calls } = journal([]);
    const settled = await rollBackSettled(database, { rollback: () => errAsync(LOST) }, EMPTY_HEAD);
    expect(settled.isOk() && settled.value).to.equal(undefined);
    expect(calls).to.deep.equal(['reconnect', 'read']);
    const busy = await rollBackSettled(database, { rollback: () => errAsync(BUSY) }, EMPTY_HEAD);
    expect(busy.isErr() && busy.error).to.equal(BUSY);
  });

  it('makes the next connection too where the transaction did not notice that it had none', async () => {
    const { database, calls } = journal([]);
    let reads = 0;
    const deaf: Journal = {
      ...database,
      readJournal: (from) => (++reads === 1 ? errAsync(LOST) : database.readJournal(from)),
    };
    const settled = await rollBackSettled(deaf, { rollback: () => okAsync(undefined) }, EMPTY_HEAD);
    expect(settled.isOk()).to.equal(true);
    expect(calls).to.deep.equal(['reconnect', 'read']);
  });

  it('asks for nothing more where no connection can be lost', async () => {
    const { database, calls } = journal([]);
    const file = { append: database.append, readJournal: database.readJournal };
    expect((await rollBackSettled(file, { rollback: () => okAsync(undefined) }, EMPTY_HEAD)).isOk()).to.equal(true);
    expect(calls).to.deep.equal([]);
  });
});
