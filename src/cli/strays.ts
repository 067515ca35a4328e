// What escapes a command: a rejection that nobody waits for, an exit that a step made. Neither may pass for success.
import { migrateError, reasonOf, type MigrateError } from '../core/errors/migrate-error.js';
import type { Finding } from './answer.js';

const NEEDS_PERSON = 5;

export class Strays {
  readonly #controller = new AbortController();
  #first: { readonly reason: unknown } | undefined;
  #over = false;

  /** `onExit`: somebody else ended the process, or nothing was left to wait for; what it gives is the exit code. */
  constructor(onExit: () => number) {
    process.on('unhandledRejection', (reason) => {
      this.#first ??= { reason };
      this.#controller.abort();
    });
    process.on('exit', (code) => {
      if (!this.#over && !EXITS_OF_OURS.has(code)) process.exitCode = onExit();
    });
  }

  /** Aborted by the first rejection: what is under way is rolled back, because part of it did not happen. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From here on an exit is meant. */
  over(): void {
    this.#over = true;
  }

  /** The run that was stopped for a rejection failed for it. */
  failureOf(error: MigrateError): MigrateError {
    if (this.#first === undefined || error.kind !== 'cancelled') return error;
    const { reason } = this.#first;
    const { state, step } = error;
    return migrateError(
      {
        kind: 'step-failed',
        version: step?.version ?? '',
        reason: `a promise was not awaited, and failed: ${reasonOf(reason)}`,
      },
      { state, cause: reason, ...(step === undefined ? {} : { step }) },
    );
  }

  /** Where the command itself went through: somebody has to see what it was that did not happen. */
  get finding(): (Finding & { readonly cause: unknown }) | undefined {
    if (this.#first === undefined) return undefined;
    const { reason } = this.#first;
    return {
      code: 'MS-STEP-FAILED',
      kind: 'step-failed',
      message: `the command went through, but a promise that a step or the config file did not await failed: ${reasonOf(reason)}`,
      hint: 'What it was to do did not happen. Look for it (--verbose shows where it came from), and see what is applied: migrate-safe status',
      exitCode: NEEDS_PERSON,
      state: 'needs-attention',
      cause: reason,
    };
  }
}

/** A second Ctrl-C leaves at once. */
const EXITS_OF_OURS: ReadonlySet<number> = new Set([130]);

/** What is said where the process ends in the middle: by then nothing can be waited for. */
export const endedFromWithin: Finding = {
  code: 'MS-STEP-FAILED',
  kind: 'step-failed',
  message: 'the process ended in the middle: by process.exit in a step or the config file?',
  hint: 'What was not committed is rolled back with it. Take that out, and run the same command again.',
  exitCode: 1,
  state: 'rolled-back',
};
