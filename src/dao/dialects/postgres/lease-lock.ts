// The run lock as a row with an expiry and a fencing token: for transaction poolers, and for servers without advisory locks.
import { err, errAsync, ok, okAsync, ResultAsync, type Result } from 'neverthrow';
import type { Lease, LockError, LockOwner } from '../../../core/ports/run-lock.js';
import type { SqlError } from '../../../core/ports/session.js';
import { pollLock, type AcquireOptions, type LockAttempt } from '../../poll-lock.js';
import type { PostgresConnection } from './connection.js';
import type { EngineLock } from './engine-lock.js';
import {
  endLease,
  fenceLease,
  leaseAlone,
  leaseHolder,
  prepareLease,
  renewLease,
  takeLease,
  watchLease,
  type FencingToken,
} from './lease-table.js';

/** How long a holder may stand still before another takes its place, in milliseconds. */
const LEASE_MS = 30_000;
/** How long the end of what a lost connection had open is waited for. */
const RETAKE_MS = 60_000;
const RETAKE_PAUSE_MS = 50;

/** What is held, and by which connection it is renewed: the one that works may be busy for longer than a lease lasts. */
interface Held {
  readonly keeper: PostgresConnection;
  readonly token: FencingToken;
  doing: string;
  lost: boolean;
  ended: boolean;
  beat: NodeJS.Timeout | undefined;
  renewing: Promise<void>;
}

/**
 * Renewed at a third of its length. A holder that dies is replaced once it has expired; one that only stood still finds
 * its token old, and its transactions are refused by `fence`.
 */
export class LeaseLock implements EngineLock {
  readonly #work: PostgresConnection;
  readonly #label: string;
  readonly #leaseMs: number;
  #held: Held | undefined;

  /** `label`: how the database is named in messages. */
  constructor(work: PostgresConnection, label: string, leaseMs = LEASE_MS) {
    this.#work = work;
    this.#label = label;
    this.#leaseMs = leaseMs;
  }

  acquire(owner: LockOwner, options: AcquireOptions): ResultAsync<Lease, LockError> {
    return this.#work
      .another()
      .mapErr((error) => this.#failed(error))
      .andThen((keeper) =>
        this.#take(keeper, owner, options).orElse((error) =>
          keeper
            .close()
            .orElse(() => okAsync(undefined))
            .andThen(() => errAsync(error)),
        ),
      );
  }

  watch(): ResultAsync<void, SqlError> {
    return this.#asHolder(({ token }) => watchLease(this.#work, token, this.#leaseMs));
  }

  fence(settings?: string): ResultAsync<void, SqlError> {
    const set = settings === undefined ? okAsync<unknown, SqlError>(undefined) : this.#work.query(settings);
    return set.andThen(() => this.#asHolder(({ token }) => this.watch().andThen(() => fenceLease(this.#work, token))));
  }

  retake(): ResultAsync<void, SqlError> {
    const held = this.#held;
    if (held === undefined || held.lost) return errAsync(LOST);
    const alone = async (): Promise<Result<void, SqlError>> => {
      for (const until = Date.now() + RETAKE_MS; ;) {
        const found = await leaseAlone(this.#work, held.token);
        if (found.isErr()) return err(found.error);
        if (found.value === 'lost') return err(LOST);
        if (found.value === 'alone') return ok(undefined);
        if (Date.now() > until) return err(STILL_OPEN);
        await pause(RETAKE_PAUSE_MS);
      }
    };
    return new ResultAsync(alone());
  }

  #asHolder(ask: (held: Held) => ResultAsync<boolean, SqlError>): ResultAsync<void, SqlError> {
    const held = this.#held;
    if (held === undefined || held.lost) return errAsync(LOST);
    return ask(held).andThen((mine) => (mine ? ok(undefined) : err(LOST)));
  }

  #take(keeper: PostgresConnection, owner: LockOwner, options: AcquireOptions): ResultAsync<Lease, LockError> {
    let token: FencingToken | undefined;
    const attempt = (): ResultAsync<LockAttempt, LockError> =>
      takeLease(keeper, owner, this.#leaseMs)
        .andThen((taken): ResultAsync<LockAttempt, SqlError> => {
          token = taken;
          return taken === undefined ? leaseHolder(keeper).map((holder) => ({ holder })) : okAsync('taken');
        })
        .mapErr((error) => this.#failed(error));
    return prepareLease(keeper)
      .mapErr((error) => this.#failed(error))
      .andThen(() => pollLock(attempt, options))
      .andThen(() => (token === undefined ? errAsync(this.#failed(LOST)) : okAsync(this.#hold(keeper, token, owner))));
  }

  #hold(keeper: PostgresConnection, token: FencingToken, { doing }: LockOwner): Lease {
    const held: Held = {
      keeper,
      token,
      doing,
      lost: false,
      ended: false,
      beat: undefined,
      renewing: Promise.resolve(),
    };
    this.#held = held;
    this.#schedule(held);
    return {
      announce: (now) => {
        held.doing = now;
        this.#renew(held);
      },
      release: () => ResultAsync.fromSafePromise(this.#release(held)),
    };
  }

  #schedule(held: Held): void {
    clearTimeout(held.beat);
    if (held.ended || held.lost) return;
    held.beat = setTimeout(() => this.#renew(held), this.#leaseMs / 3);
    // A process that has nothing else to do may end: the lease then runs out.
    held.beat.unref();
  }

  /** One after the other: an answer that comes late says nothing of a later one. */
  #renew(held: Held): void {
    held.renewing = held.renewing.then(async () => {
      if (held.ended || held.lost) return;
      this.#work.nudge();
      const renewed = await renewLease(held.keeper, held.token, held.doing, this.#leaseMs);
      if (renewed.isOk()) held.lost = !renewed.value;
      // A keeper that was cut off is replaced; until then the row says itself whether the lease stands.
      else if (renewed.error.kind === 'connection-lost')
        await held.keeper.reconnect(this.#leaseMs / 3).unwrapOr(undefined);
      this.#schedule(held);
    });
  }

  async #release(held: Held): Promise<void> {
    held.ended = true;
    clearTimeout(held.beat);
    await held.renewing;
    const ended = await endLease(held.keeper, held.token);
    // Without an answer it is tried once more; after that the lease runs out by itself.
    if (ended.isErr()) {
      const again = held.keeper.reconnect(this.#leaseMs / 3).andThen(() => endLease(held.keeper, held.token));
      await again.unwrapOr(undefined);
    }
    await held.keeper.close().unwrapOr(undefined);
    if (this.#held === held) this.#held = undefined;
  }

  #failed(cause: SqlError): LockError {
    return { kind: 'lock-failed', path: this.#label, cause };
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const LOST: SqlError = {
  kind: 'other',
  code: 'lease-lost',
  message:
    'this process stood still for longer than its lock lasts, and another run has taken it: nothing more is written',
};
const STILL_OPEN: SqlError = {
  kind: 'busy',
  code: 'lease-in-use',
  message: 'what the lost connection had begun has not ended on the server yet',
};
