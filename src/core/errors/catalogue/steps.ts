// The words for steps that failed.
import { describeContractFinding } from '../../schema/contract-finding.js';
import { describeFinding, type GuardFinding } from '../../schema/guard.js';
import type { StepFacts } from '../facts.js';
import type { Words } from './entry.js';

export const STEPS: Words<StepFacts> = {
  'step-failed': {
    code: 'MS-STEP-FAILED',
    exit: 1,
    state: 'rolled-back',
    message: (f) => f.reason,
    hint: (f) =>
      f.sqlError?.transient === true
        ? `The step was rolled back and nothing was changed. ${f.sqlError.fix === undefined ? 'Run' : `Wait until it has ended, or see to it: ${f.sqlError.fix}   Then run`} the same command again.`
        : /from within a transaction|inside a transaction/.test(f.reason)
          ? "The step was rolled back and nothing of it is left. What cannot run in a transaction goes into a step of its own that says at its top: -- migrate-safe: no-transaction   (in code: transaction: 'none')"
          : 'The step was rolled back and nothing of it is left. Correct it and run the same command again.',
  },
  'guard-refused': {
    code: 'MS-GUARD-LOSS',
    exit: 1,
    state: 'rolled-back',
    message: (f) => findings(f.findings),
    hint: (f) =>
      f.sealed === true
        ? `The revert was rolled back and nothing of it is left. The file of an applied step is not to be changed, so that the loss cannot be declared any more. If it is meant: migrate-safe down --guard warn. To go back to what was there before the step instead: migrate-safe restore --before-step ${f.version}`
        : f.declare.length === 0
          ? 'The step was rolled back and nothing of it is left. Correct it and run it again.'
          : f.language === 'sql'
            ? `The step was rolled back. If the loss is meant, say so at the top of its file:\n\n${f.declare.map((line) => `    ${line}`).join('\n')}`
            : `The step was rolled back. If the loss is meant, declare it; this is all that the step then declares:\n\n${f.declare.map((line) => `    ${line}`).join('\n')}`,
  },
  'contract-broken': {
    code: 'MS-CONTRACT',
    exit: 1,
    state: 'rolled-back',
    message: (f) => f.findings.map(describeContractFinding).join('; '),
    hint: (f) =>
      f.by === 'step'
        ? `The step was rolled back and nothing of it is left. What works before ${f.version} has to work after it: let the step keep what the program uses, or change the declarations of the program with it.`
        : `The step was rolled back and nothing of it is left. It is the last one, and the program that starts after it would not work: let a step make what is missing, or correct the declarations.`,
  },
  'validation-failed': {
    code: 'MS-VALIDATION',
    exit: 1,
    state: 'rolled-back',
    message: (f) => f.reason,
    hint: () => 'The step was rolled back and nothing of it is left.',
  },
  'step-timeout': {
    code: 'MS-STEP-TIMEOUT',
    exit: 1,
    state: 'rolled-back',
    message: (f) => `step ${f.version} did not end within ${f.ms / 1000} s`,
    hint: () =>
      'It was rolled back. A step that needs longer says so: timeoutMs in its definition. A step whose promise never resolves is often one that waits for a connection of its own: it must use the handle it is given.',
  },
  'step-ended-transaction': {
    code: 'MS-STEP-TRANSACTION',
    exit: 1,
    state: 'rolled-back',
    message: (f) =>
      ATTACHES.test(f.what)
        ? `step ${f.version} may not work on a second database: ${f.what}`
        : f.late === true
          ? `a statement of step ${f.version} came after the step had ended: ${f.what}`
          : `step ${f.version} may not do this inside its transaction: ${f.what}`,
    hint: (f) =>
      f.late === true
        ? 'Await every promise that the step starts, and return the last: what nobody waits for is done in part, or not at all.'
        : ATTACHES.test(f.what)
          ? 'Only the one database is backed up, checked and rolled back. Take the statement out; rows of another file can be read in a step in code, and inserted through its handle.'
          : "A step is one transaction, and the engine holds it. Take the statement out; what cannot run in a transaction goes into a step of its own that says `no-transaction` (in code: transaction: 'none').",
  },
  'step-foreign-connection': {
    code: 'MS-STEP-CONNECTION',
    exit: 1,
    state: 'rolled-back',
    message: (f) => `step ${f.version} works on the database through a connection of its own: ${f.reason}`,
    hint: () =>
      'Use the handle that the step is given: only what goes through it is backed up, checked and rolled back.',
  },
  'no-revert': {
    code: 'MS-NO-REVERT',
    exit: 1,
    message: (f) => `step ${f.version} has no revert`,
    hint: (f) => `Write one, or put the database back to before it: migrate-safe restore --before-step ${f.version}`,
  },
  'needs-person': {
    code: 'MS-NEEDS-PERSON',
    exit: 5,
    state: 'needs-attention',
    message: (f) =>
      `${f.reason}${f.rowsAtStake === undefined ? '' : `; ${f.rowsAtStake} ${f.rowsAtStake === 1 ? 'row' : 'rows'} written since, by the step itself or by others, would be lost by going back on its own`}`,
    hint: (f) =>
      f.gentler === undefined
        ? `Look at it, then type: ${f.command}`
        : `Look at it. To put back only the tables that the step could touch, type:\n\n    ${f.gentler}\n\nOr the whole database: ${f.command}`,
  },
};

const ATTACHES = /^\s*(?:at|de)tach\b/i;
const findings = (all: readonly GuardFinding[]): string => all.map(describeFinding).join('; ');
