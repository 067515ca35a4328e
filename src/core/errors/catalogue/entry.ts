// What the catalogue says of one kind of error.
import type { DatabaseState } from '../database-state.js';

export interface Entry<F> {
  /** Stable, listed in the reference, greppable. */
  readonly code: string;
  /** The command's exit code. */
  readonly exit: 1 | 2 | 3 | 4 | 5 | 130;
  /** Whether the same call may succeed when it is made again. */
  readonly retryable?: boolean;
  /** What it leaves, unless the place where it happens knows better. Default: `unchanged`. */
  readonly state?: DatabaseState;
  /** What happened. */
  message(facts: F): string;
  /** What to type next. */
  hint(facts: F): string;
}

/** One entry per kind of a union of facts. */
export type Words<Facts extends { readonly kind: string }> = {
  readonly [K in Facts['kind']]: Entry<Extract<Facts, { readonly kind: K }>>;
};
