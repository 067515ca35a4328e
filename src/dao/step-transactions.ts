// What a step's code begins by knex.transaction() is a savepoint of the one transaction there is: they go one after the other.
import { AsyncLocalStorage } from 'node:async_hooks';

/** As knex makes it (knex/lib/execution/transaction): what it makes of children waits for the one before. */
interface Outer {
  _lastChild: Promise<unknown>;
  isCompleted(): boolean;
}
export type Container = (transactor: unknown) => unknown;
export type Begin = (container: Container, config: object, outer: object) => object;

interface Open {
  readonly outer: Outer;
  isDone: boolean;
  done: Promise<unknown>;
  /** Rejects once it turns out that whoever began it ends it by hand: who waited for that could wait for ever. */
  readonly byHand: Promise<never>;
  isByHand: boolean;
}

const isThenable = (value: unknown): boolean => typeof (value as PromiseLike<unknown> | null)?.then === 'function';

export class StepTransactions {
  readonly #open = new Set<Open>();
  /** What runs in the function of a transaction is part of it, by whatever handle. */
  readonly #within = new AsyncLocalStorage<Open>();

  /** `begin`: as knex does it. What is begun in the function of another is a part of that one. */
  begin(begin: Begin, container: Container, config: object): object {
    const around = this.#within.getStore();
    if (around && !around.isDone) return begin(container, config, around.outer);
    return this.#behindOthers(begin, container, config);
  }

  /** Resolves when a statement of the step's own handle would not be undone with a transaction that it is no part of. */
  async outside(): Promise<void> {
    const around = this.#within.getStore();
    if (around && !around.isDone) return;
    for (let others = this.#inFunctions(); others.length > 0; others = this.#inFunctions())
      await Promise.race(others.map(({ done, byHand }) => Promise.race([done, byHand.catch(() => undefined)])));
  }

  #inFunctions(): readonly Open[] {
    return [...this.#open].filter(({ isByHand }) => !isByHand);
  }

  #behindOthers(begin: Begin, container: Container, config: object): object {
    const others = Promise.all([...this.#open].map((one) => Promise.race([one.done, stillOpen(one)])));
    let turnsOut: (reason: Error) => void = () => undefined;
    const byHand = new Promise<never>((_resolve, reject) => (turnsOut = reject));
    byHand.catch(() => undefined);
    const outer: Outer = { _lastChild: others, isCompleted: () => false };
    const open: Open = { outer, isDone: false, done: others, byHand, isByHand: false };
    const watched: Container = (transactor) => {
      // Its own children wait for one another, and not for it.
      Object.assign(outer, NO_CHILD);
      const result = this.#within.run(open, () => container(transactor));
      if (!isThenable(result)) {
        open.isByHand = true;
        turnsOut(new Error(BY_HAND));
      }
      return result;
    };
    const transaction = begin(watched, config, outer);
    this.#open.add(open);
    const { _lastChild: itself } = outer;
    open.done = itself.finally(() => {
      open.isDone = true;
      this.#open.delete(open);
    });
    return transaction;
  }
}

const NO_CHILD: Pick<Outer, '_lastChild'> = { _lastChild: Promise.resolve() };

/** One that was ended just now is told to be so a moment later than whoever ended it. */
const stillOpen = (one: Open): Promise<unknown> =>
  one.byHand.catch(async (reason: unknown) => {
    await new Promise((resolve) => setImmediate(resolve));
    if (!one.isDone) throw reason;
  });

const BY_HAND =
  'a transaction that knex.transaction() began without a function is still open: end it first, or begin this one from it (trx.transaction)';
