// The one error that leaves the engine: facts, the words for them, and in which state the database is.
import { CATALOGUE, type Entry } from './catalogue.js';
import type { DatabaseState } from './database-state.js';
import type { ErrorFacts } from './facts.js';

export type { DatabaseState } from './database-state.js';

/** Where in a step something failed. */
export interface StepLocation {
  readonly version: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** The statement's text. */
  readonly statement?: string;
}

/** Discriminate on `kind`; `code` is stable and listed in the reference; `hint` says what to do next. */
export type MigrateError = ErrorFacts & {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** The command's exit code for it. */
  readonly exitCode: number;
  /** Whether the same call may succeed when it is made again. */
  readonly retryable: boolean;
  readonly state: DatabaseState;
  readonly step?: StepLocation;
  readonly cause?: unknown;
};

/** Gives facts their words. */
export function migrateError(
  facts: ErrorFacts,
  more: { readonly state?: DatabaseState; readonly step?: StepLocation; readonly cause?: unknown } = {},
): MigrateError {
  // The catalogue has one entry per kind: the entry of these facts takes these facts.
  const entry = CATALOGUE[facts.kind] as Entry<ErrorFacts>;
  return {
    ...facts,
    code: entry.code,
    message: entry.message(facts),
    hint: entry.hint(facts),
    exitCode: entry.exit,
    retryable: entry.retryable ?? false,
    state: more.state ?? entry.state ?? 'unchanged',
    ...(more.step ? { step: more.step } : {}),
    ...(more.cause === undefined ? {} : { cause: more.cause }),
  };
}

/** What a thrown value says: an error's message, or the value itself as text. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  if (typeof thrown === 'string') return thrown;
  if (thrown !== null && typeof thrown === 'object' && 'message' in thrown && typeof thrown.message === 'string')
    return thrown.message;
  try {
    return `a value that is not an Error: ${JSON.stringify(thrown) ?? String(thrown)}`;
  } catch {
    return 'a value that is not an Error';
  }
}
