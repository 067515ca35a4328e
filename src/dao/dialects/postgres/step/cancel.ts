// Ends the statement that a step is at: asked of the server by another connection, and not to meet what is done next.
import { ResultAsync } from 'neverthrow';
import type { TransactionContext } from './transaction-context.js';

export class Cancelling {
  readonly #context: Pick<TransactionContext, 'connection' | 'second'>;
  #asked: Promise<unknown> = Promise.resolve();

  constructor(context: Pick<TransactionContext, 'connection' | 'second'>) {
    this.#context = context;
  }

  ask(): void {
    const { connection, second } = this.#context;
    const asked = second().andThen((other) =>
      other.query('SELECT pg_catalog.pg_cancel_backend($1)', [connection.processId]),
    );
    this.#asked = Promise.all([this.#asked, asked]);
  }

  /** No cancel is on its way any more. */
  settled(): ResultAsync<unknown, never> {
    return ResultAsync.fromSafePromise(this.#asked);
  }
}
