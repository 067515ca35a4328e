// Whatever is asked of the run decider, and in whatever order: the journal that it allows keeps the rules of a run.
import { expect } from 'chai';
import fc from 'fast-check';
import { versionKey } from '#src/core/brands.js';
import type { RecordedEvent } from '#src/core/events/envelope.js';
import { EMPTY_HISTORY, evolve, type History } from '#src/core/history/history.js';
import { EMPTY_HEAD, findBreak, link, type JournalHead } from '#src/core/journal/chain.js';
import type { Command } from '#src/core/steps/run-command.js';
import { decide } from '#src/core/steps/run-decider.js';
import { ACTOR, identity, recorded, run, started, applied, begun, timeAt } from '../support/journal-facts.js';
import { commands as ask } from '../support/run-commands.js';
import { brokenRule } from '../support/run-invariants.js';

/** A command that knows the state: mostly it fits, sometimes it does not. */
type Wish = (history: History, head: JournalHead) => Command;

const version = fc.constantFrom('1', '2', '02', '3', '10');
const plan = fc.subarray(['1', '2', '3', '10'], { minLength: 1 });
const backupId = fc.constantFrom('a', 'b', 'c');
const wild = fc.nat(9).map((n) => n === 0);

const attemptOf = (history: History, other: boolean): string =>
  other ? 'nobody' : (history.run?.step?.attempt ?? 'nobody');
const versionOf = (history: History, other: boolean, any: string): string =>
  other ? any : (history.run?.step?.version ?? any);
const nextOf = ({ run: open, steps }: History, direction: 'apply' | 'revert', any: string): string => {
  const done = new Set(steps.map((step) => versionKey(step.version)));
  const order = open?.kind === 'down' || direction === 'apply' ? open?.plan : open?.plan.toReversed();
  return order?.find((planned) => done.has(planned) === (direction === 'revert')) ?? any;
};

const wish: fc.Arbitrary<Wish> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('up', 'up', 'up', 'down', 'stamp', 'restore', 'backup'),
        plan,
        fc.constantFrom('each-step', 'each-step', 'each-run', 'never'),
      )
      .map(
        ([kind, versions, policy]): Wish =>
          () =>
            ask.startRun(kind, kind === 'down' ? versions.toReversed() : versions, policy),
      ),
  },
  {
    weight: 3,
    arbitrary: backupId.map(
      (id): Wish =>
        () =>
          ask.takeBackup(id),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(backupId, wild).map(
      ([id, other]): Wish =>
        (history) =>
          ask.verifyBackup(other ? id : (history.run?.taken.at(-1) ?? id)),
    ),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        version,
        wild,
        fc.constantFrom<'apply' | 'revert'>('apply', 'apply', 'revert'),
        fc.string({ maxLength: 2 }),
        fc.option(backupId, { freq: 3, nil: undefined }),
      )
      .map(([any, other, direction, attempt, backup]): Wish => (history) => {
        const wanted = history.run?.kind === 'down' && !other ? 'revert' : direction;
        return {
          ...ask.startStep(other ? any : nextOf(history, wanted, any), wanted, attempt),
          ...(backup === undefined ? {} : { backupId: backup }),
        };
      }),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(version, wild, wild, wild).map(([any, a, b, c]): Wish => (history) => {
      const [name, attempt] = [versionOf(history, a, any), attemptOf(history, b)];
      return (history.run?.step?.direction === 'revert') !== c
        ? ask.finishRevert(name, attempt)
        : ask.finishApply(name, attempt);
    }),
  },
  {
    weight: 2,
    arbitrary: wild.map(
      (other): Wish =>
        (history) =>
          ask.failStep('', attemptOf(history, other)),
    ),
  },
  {
    weight: 2,
    arbitrary: wild.map(
      (other): Wish =>
        (history) =>
          ask.rollBack('', attemptOf(history, other)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.uniqueArray(version, { selector: versionKey }).map(
      (all): Wish =>
        () =>
          ask.stamp(
            'head',
            all.map((v) => identity(v)),
          ),
    ),
  },
  {
    weight: 1,
    arbitrary: backupId.map(
      (id): Wish =>
        () =>
          ask.startRestore(id),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(backupId, wild, fc.option(fc.nat())).map(
      ([id, other, n]): Wish =>
        (history, head) =>
          ask.finishRestore(other ? id : (history.run?.restoring ?? id), n === null ? null : n % (head.position + 1)),
    ),
  },
  { weight: 2, arbitrary: fc.constant<Wish>(() => ask.complete()) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Wish>(
      () => ask.failRun(),
      () => ask.recover(),
      () => ({ type: 'record-pruning', backupId: 'a', reason: 'old' }),
    ),
  },
);

/** A past with applied steps in it, so that runs down find something. */
const PAST: readonly Wish[] = [
  () => ask.startRun('up', ['1', '2', '3']),
  ...['1', '2', '3'].flatMap((one): Wish[] => [
    () => ask.startStep(one, 'apply', one),
    () => ask.finishApply(one, one),
  ]),
  () => ask.complete(),
  () => ask.startRun('down', ['3', '2', '1']),
];

/** Carries out what the decider lets through, as the recorder does. */
function live(wishes: readonly Wish[]): { readonly events: readonly RecordedEvent[]; readonly history: History } {
  const events: RecordedEvent[] = [];
  let history = EMPTY_HISTORY;
  let head = EMPTY_HEAD;
  let runs = 0;
  for (const one of wishes) {
    const command = one(history, head);
    const decided = decide(history, command, 'main');
    if (decided.isErr()) continue;
    if (command.type === 'start-run') runs++;
    for (const event of link(
      head,
      { runId: `run ${runs}`, component: 'main', recordedAt: timeAt(head.position), actor: ACTOR },
      decided.value,
    )) {
      events.push(event);
      history = evolve(history, event);
      head = { position: event.position, hash: event.hash };
    }
  }
  return { events, history };
}

describe('the journal that the run decider allows', () => {
  it('keeps every rule of a run, whatever is asked of it', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(
        fc.constantFrom([], PAST),
        fc.array(wish, { minLength: 5, maxLength: 60, size: 'max' }),
        (past, wishes) => {
          const { events } = live([...past, ...wishes]);
          for (const { type } of events) seen.set(type, (seen.get(type) ?? 0) + 1);
          expect(brokenRule(events)).to.equal(undefined);
          expect(findBreak(events)).to.equal(undefined);
        },
      ),
      { numRuns: 200 },
    );
    // The sequences go far enough to mean something.
    for (const type of [
      'StepApplied',
      'StepReverted',
      'StepRolledBack',
      'BackupRestored',
      'RunRecovered',
      'StepStamped',
      'RunCompleted',
    ]) {
      expect(seen.get(type), type).to.be.greaterThan(5);
    }
  });

  it('has at most one open run, and the history knows it', () => {
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 40, size: 'max' }), (wishes) => {
        const { history } = live(wishes);
        const open = history.runs.filter((one) => one.outcome === 'open');
        expect(open.map(({ runId }) => runId)).to.deep.equal(history.run === undefined ? [] : [history.run.runId]);
      }),
    );
  });
});

describe('brokenRule', () => {
  it('sees a broken rule: it is no yes-man', () => {
    const cases = [
      [run('r', started('up'), started('up'))],
      [run('r', started('up', ['1']), applied('1'))],
      [run('r', started('up', ['1'], 'each-step'), begun('1'))],
      [run('r', started('up', ['1', '2']), begun('2'))],
      [run('r', started('up', ['1']), begun('1'), applied('1'), begun('1'))],
    ];
    for (const batches of cases) expect(brokenRule(recorded(...batches))).to.be.a('string');
  });
});
