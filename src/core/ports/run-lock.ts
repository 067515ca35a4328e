// The lock that lets one run at a time work on a database, and goes away with the process that holds it.
import type { ResultAsync } from 'neverthrow';

/** Who holds the lock, for those who wait. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** UTC, ISO 8601. */
  readonly since: string;
  readonly runId: string;
  /** What it is doing, for example `applying 0003 purge`. */
  readonly doing: string;
}

export type LockError =
  | { readonly kind: 'locked'; readonly owner: LockOwner | undefined; readonly waitedMs: number }
  | { readonly kind: 'lock-failed'; readonly path: string; readonly cause: unknown }
  | { readonly kind: 'cancelled' };

export interface Lease {
  /** Tells those who wait what is being done. */
  announce(doing: string): void;
  release(): ResultAsync<void, never>;
}

export interface RunLock {
  acquire(
    owner: LockOwner,
    options: {
      readonly waitMs: number;
      readonly signal: AbortSignal;
      readonly onWaiting: (owner: LockOwner | undefined, waitedMs: number) => void;
    },
  ): ResultAsync<Lease, LockError>;
}
