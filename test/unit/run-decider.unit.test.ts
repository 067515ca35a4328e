// The run decider, given/when/then: what each command leads to, and every reason to refuse it.
import { expect } from 'chai';
import type { DomainEvent } from '#src/core/events/event.js';
import { foldHistory } from '#src/core/history/history.js';
import type { Command } from '#src/core/steps/run-command.js';
import { decide, type Refusal } from '#src/core/steps/run-decider.js';
import {
  applied,
  begun,
  completed,
  failed,
  recorded,
  restored,
  restoring,
  rolledBack,
  run,
  runFailed,
  stamped,
  started,
  taken,
  verified,
  type Batch,
} from '../support/journal-facts.js';
import { commands } from '../support/run-commands.js';

const {
  startRun,
  takeBackup,
  verifyBackup,
  startStep,
  finishApply,
  finishRevert,
  failStep,
  rollBack,
  stamp,
  startRestore,
  finishRestore,
  complete,
  failRun,
  recover,
} = commands;

const types = (facts: readonly DomainEvent[]): readonly string[] => facts.map((fact) => fact.type);
const given = (...batches: readonly (Batch | DomainEvent)[]) => {
  const facts = batches.filter((one): one is DomainEvent => 'type' in one);
  const history = foldHistory(recorded(...batches.filter((one): one is Batch => 'facts' in one), run('now', ...facts)));
  return {
    when: (command: Command) => {
      const decided = decide(history, command, 'main');
      return {
        then: (...expected: readonly DomainEvent['type'][]): readonly DomainEvent[] => {
          expect(types(decided._unsafeUnwrap())).to.deep.equal(expected);
          return decided._unsafeUnwrap();
        },
        refuses: (refusal: Refusal): void => void expect(decided._unsafeUnwrapErr()).to.deep.equal(refusal),
      };
    },
  };
};
const past = (...facts: readonly DomainEvent[]): Batch => run('past', started('up'), ...facts, completed());

describe('start-run', () => {
  it('starts on an empty journal, after a run that completed and after one that failed', () => {
    given()
      .when(startRun('up', ['1']))
      .then('RunStarted');
    given(past(applied('1')))
      .when(startRun('up', ['2']))
      .then('RunStarted');
    given(run('past', started('up'), runFailed()))
      .when(startRun('up', ['1']))
      .then('RunStarted');
  });

  it('records the drift that was found with the start, and not within it', () => {
    const drift = { expected: 'a', actual: 'b', changes: ['table t'] };
    const [start, detected] = given()
      .when({ ...startRun('up', []), drift })
      .then('RunStarted', 'DriftDetected');
    expect(start?.data).not.to.have.any.keys('drift', 'type');
    expect(detected?.data).to.deep.equal(drift);
  });

  it('refuses while another run is open', () => {
    given(started('up')).when(startRun('up', [])).refuses({ kind: 'run-in-progress', runId: 'now' });
  });
});

describe('every other command', () => {
  it('is refused before a run, and after its end', () => {
    const all = [
      takeBackup('b'),
      verifyBackup('b'),
      startStep('1'),
      finishApply('1'),
      finishRevert('1'),
      failStep('1'),
      rollBack('1'),
      stamp('base', []),
      startRestore('b'),
      finishRestore('b', 0),
      complete(),
      failRun(),
      { type: 'record-pruning', backupId: 'b', reason: 'old' } as const,
    ];
    for (const command of all) {
      given().when(command).refuses({ kind: 'no-run' });
      given(past(applied('1')))
        .when(command)
        .refuses({ kind: 'no-run' });
    }
  });
});

describe('recover-run', () => {
  it('ends a run that is open, wherever it stood', () => {
    for (const facts of [[], [begun('1')], [begun('1'), failed('1')], [restoring('b')]]) {
      const [event] = given(started('up', ['1']), ...facts)
        .when(recover())
        .then('RunRecovered');
      expect(event).to.have.nested.property('data.interruptedRunId', 'now');
    }
  });

  it('refuses when there is nothing to recover', () => {
    given().when(recover()).refuses({ kind: 'nothing-to-recover' });
    given(past()).when(recover()).refuses({ kind: 'nothing-to-recover' });
  });
});

describe('backups', () => {
  it('are recorded, and verified once they are', () => {
    const [event] = given(started('up', ['1']))
      .when(takeBackup('b'))
      .then('BackupTaken');
    expect(event?.data).to.include({ backupId: 'b', kind: 'file' }).and.not.have.property('type');
    given(started('up', ['1']), taken('b'))
      .when(verifyBackup('b'))
      .then('BackupVerified');
  });

  it('of another run or of nobody cannot be verified', () => {
    given(started('up', ['1']), taken('b'))
      .when(verifyBackup('c'))
      .refuses({ kind: 'backup-unknown', backupId: 'c' });
    given(past(taken('b')), started('up', ['1']))
      .when(verifyBackup('b'))
      .refuses({ kind: 'backup-unknown', backupId: 'b' });
  });

  it('are asked for before each step where the policy says so', () => {
    const start = started('up', ['1', '2'], 'each-step');
    given(start).when(startStep('1')).refuses({ kind: 'backup-required', version: '1' });
    given(start, taken('b')).when(startStep('1')).refuses({ kind: 'backup-required', version: '1' });
    given(start, taken('b'), verified('b')).when(startStep('1')).then('StepStarted');
    given(start, taken('b'), verified('b'), begun('1'), applied('1'))
      .when(startStep('2'))
      .refuses({ kind: 'backup-required', version: '2' });
  });

  it('are asked for once a run where the policy says so', () => {
    const start = started('up', ['1', '2'], 'each-run');
    given(start, taken('b')).when(startStep('1')).refuses({ kind: 'backup-required', version: '1' });
    given(start, taken('b'), verified('b'), begun('1'), applied('1')).when(startStep('2')).then('StepStarted');
  });

  it('are not asked for where the policy is never', () => {
    given(started('up', ['1'], 'never'))
      .when(startStep('1'))
      .then('StepStarted');
  });

  it('count for one step only: one that is verified again, or was taken during the step before, is no way back', () => {
    const first = [started('up', ['1', '2'], 'each-step'), taken('a'), verified('a'), begun('1')];
    const second = decide(foldHistory(recorded(run('now', ...first, applied('1')))), verifyBackup('a'), 'main');
    const again = second.isOk() ? [verified('a')] : [];
    given(...first, applied('1'), ...again)
      .when(startStep('2'))
      .refuses({ kind: 'backup-required', version: '2' });
    given(...first, taken('b'), verified('b'), applied('1'))
      .when(startStep('2'))
      .refuses({ kind: 'backup-required', version: '2' });
  });

  it('that a step names are verified ones of its run', () => {
    const start = started('up', ['1'], 'each-step');
    given(start, taken('a'), taken('b'), verified('b'))
      .when({ ...startStep('1'), backupId: 'a' })
      .refuses({ kind: 'backup-unknown', backupId: 'a' });
    given(start, taken('b'), verified('b'))
      .when({ ...startStep('1'), backupId: 'b' })
      .then('StepStarted');
  });
});

describe('start-step', () => {
  const up = started('up', ['1', '2']);

  it('takes the steps of an up run in the order of the plan', () => {
    given(up).when(startStep('1')).then('StepStarted');
    given(up).when(startStep('0001')).then('StepStarted');
    given(up).when(startStep('2')).refuses({ kind: 'out-of-turn', version: '2', expected: '1' });
    given(up, begun('1'), applied('1')).when(startStep('2')).then('StepStarted');
  });

  it('refuses a step that is not of the plan, and any when the plan is done', () => {
    given(up).when(startStep('3')).refuses({ kind: 'out-of-turn', version: '3', expected: '1' });
    given(started('up', ['1']), begun('1'), applied('1'))
      .when(startStep('2'))
      .refuses({ kind: 'out-of-turn', version: '2', expected: undefined });
  });

  it('refuses a second step while one is under way', () => {
    given(up, begun('1')).when(startStep('2')).refuses({ kind: 'step-under-way', version: '1' });
    given(up, begun('1'), failed('1')).when(startStep('1')).refuses({ kind: 'step-under-way', version: '1' });
  });

  it('refuses to apply what is applied, and to revert what is not', () => {
    given(past(applied('1')), up)
      .when(startStep('01'))
      .refuses({ kind: 'already-applied', version: '01' });
    given(started('down', ['1']))
      .when(startStep('1', 'revert'))
      .refuses({ kind: 'not-applied', version: '1' });
    given(past(stamped('1', [{ version: '1', description: 'd', checksum: 'c' }])), up)
      .when(startStep('1'))
      .refuses({ kind: 'already-applied', version: '1' });
  });

  it('lets a step that was rolled back be tried again', () => {
    given(up, begun('1'), failed('1'), rolledBack('1')).when(startStep('1')).then('StepStarted');
  });

  it('takes the steps of a down run in its order, highest first', () => {
    const before = past(applied('1'), applied('2'), applied('3'));
    const down = started('down', ['3', '2']);
    given(before, down).when(startStep('3', 'revert')).then('StepStarted');
    given(before, down).when(startStep('2', 'revert')).refuses({ kind: 'out-of-turn', version: '2', expected: '3' });
    given(before, down).when(startStep('1', 'revert')).refuses({ kind: 'out-of-turn', version: '1', expected: '3' });
    given(past(), down).when(startStep('3')).refuses({ kind: 'out-of-turn', version: '3', expected: undefined });
  });

  it('lets an up run that is undone revert its own steps, the last one first', () => {
    const undone = [up, begun('1'), applied('1'), begun('2'), applied('2')];
    given(...undone)
      .when(startStep('2', 'revert'))
      .then('StepStarted');
    given(...undone)
      .when(startStep('1', 'revert'))
      .refuses({ kind: 'out-of-turn', version: '1', expected: '2' });
    given(past(applied('0')), ...undone)
      .when(startStep('0', 'revert'))
      .refuses({ kind: 'out-of-turn', version: '0', expected: '2' });
  });

  it('refuses any step while a restore is under way', () => {
    expect(decide(foldHistory(recorded(run('now', up, restoring('b')))), startStep('1'), 'main').isErr()).to.equal(
      true,
    );
  });
});

describe('the end of a step', () => {
  const under = [started('up', ['1']), begun('1')];

  it('records the check of the schema and then the step', () => {
    const [validated, event] = given(...under)
      .when(finishApply('1'))
      .then('SchemaValidated', 'StepApplied');
    expect(validated?.data).to.deep.include({ version: '1', fingerprint: 'after 1' });
    expect(event?.data).to.include({ version: '1', attempt: 'attempt 1' }).and.not.have.any.keys('validated', 'type');
    const revert = given(past(applied('1')), started('down', ['1']), begun('1', 'revert')).when(finishRevert('1'));
    revert.then('SchemaValidated', 'StepReverted');
  });

  it('is that of the step that was begun, whatever else the command says', () => {
    const [, event] = given(...under)
      .when({ ...finishApply('1'), version: '7', checksum: 'other', description: 'other' })
      .then('SchemaValidated', 'StepApplied');
    expect(event?.data).to.include({ version: '1', checksum: 'sha256:1', description: 'step 1' });
  });

  it('is refused without a step, for another attempt, and for the other direction', () => {
    for (const command of [finishApply('1'), finishRevert('1'), failStep('1'), rollBack('1')]) {
      given(started('up', ['1']))
        .when(command)
        .refuses({ kind: 'no-step-under-way' });
      given(started('up', ['1']), begun('1', 'apply', 'mine'))
        .when(command)
        .refuses({ kind: 'other-attempt', attempt: 'mine' });
    }
    given(...under)
      .when(finishRevert('1'))
      .refuses({ kind: 'no-step-under-way' });
    given(past(applied('1')), started('down', ['1']), begun('1', 'revert'))
      .when(finishApply('1'))
      .refuses({ kind: 'no-step-under-way' });
  });

  it('is not success once the step has failed', () => {
    given(...under, failed('1'))
      .when(finishApply('1'))
      .refuses({ kind: 'step-failed', version: '1' });
  });

  it('records a failure and the rung that held', () => {
    given(...under)
      .when(failStep('1'))
      .then('StepFailed');
    const [event] = given(...under, failed('1'))
      .when(rollBack('1'))
      .then('StepRolledBack');
    expect(event?.data).to.deep.equal({ version: '1', attempt: 'attempt 1', rung: 'transaction', schema: 'before 1' });
  });
});

describe('stamp', () => {
  it('is recorded, and refused while a step is under way', () => {
    given(started('stamp')).when(stamp('base', [])).then('StepStamped');
    given(started('up', ['1']), begun('1'))
      .when(stamp('base', []))
      .refuses({ kind: 'step-under-way', version: '1' });
  });
});

describe('a restore', () => {
  it('is started and finished, also as the last rung for a step that is under way', () => {
    given(started('restore')).when(startRestore('b')).then('RestoreStarted');
    given(started('up', ['1']), begun('1'), failed('1'))
      .when(startRestore('b'))
      .then('RestoreStarted');
    const [event] = given(started('restore'), restoring('b')).when(finishRestore('b', 3)).then('BackupRestored');
    expect(event?.data).to.include({ backupId: 'b', rewoundTo: 3 }).and.not.have.property('type');
  });

  it('cannot be finished that was not started, and not with another backup', () => {
    const finish = (...facts: readonly DomainEvent[]): boolean =>
      decide(foldHistory(recorded(run('now', started('restore'), ...facts))), finishRestore('b', 0), 'main').isOk();
    expect(finish()).to.equal(false);
    expect(finish(restoring('a'))).to.equal(false);
    expect(finish(restoring('b'), restored('b', 0))).to.equal(false);
  });
});

describe('the end of a run', () => {
  it('is recorded', () => {
    given(started('up', ['1']))
      .when(complete())
      .then('RunCompleted');
    given(started('up', ['1']), begun('1'), failed('1'), rolledBack('1'))
      .when(failRun())
      .then('RunFailed');
    given(started('up', ['1']))
      .when({ type: 'record-pruning', backupId: 'b', reason: 'old' })
      .then('BackupPruned');
  });

  it('is no success while a step or a restore is under way', () => {
    given(started('up', ['1']), begun('1'))
      .when(complete())
      .refuses({ kind: 'step-under-way', version: '1' });
    expect(
      decide(foldHistory(recorded(run('now', started('restore'), restoring('b')))), complete(), 'main').isErr(),
    ).to.equal(true);
  });
});
