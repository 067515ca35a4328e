// Passes facts and progress on to those who listen, by callback or as an async iterable; a listener's error is its own.
import type { RecordedEvent } from '../events/envelope.js';
import type { Observer } from './ports.js';
import type { Progress } from './progress.js';

export class EventFeed implements Observer {
  readonly #events = new Set<(event: RecordedEvent) => void>();
  readonly #progress = new Set<(progress: Progress) => void>();
  readonly #endings = new Set<() => void>();
  #closed = false;
  readonly #onListenerError: (thrown: unknown) => void;

  /** What a listener throws, or rejects with, must not stop a migration half-way: it goes to `onListenerError`. */
  constructor(onListenerError: (thrown: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  event(event: RecordedEvent): void {
    for (const listener of this.#events) this.#quietly(() => listener(event));
  }

  progress(progress: Progress): void {
    for (const listener of this.#progress) this.#quietly(() => listener(progress));
  }

  onEvent(listener: (event: RecordedEvent) => void): () => void {
    this.#events.add(listener);
    return () => void this.#events.delete(listener);
  }

  onProgress(listener: (progress: Progress) => void): () => void {
    this.#progress.add(listener);
    return () => void this.#progress.delete(listener);
  }

  /** Every event from now on; ends with the feed, or when the reader leaves its loop. */
  iterate(): AsyncIterableIterator<RecordedEvent> {
    const buffered: RecordedEvent[] = [];
    // Several reads may be waiting at once: each gets an event of its own, in order.
    const waiting: ((result: IteratorResult<RecordedEvent>) => void)[] = [];
    let ended = this.#closed;
    const stop = this.onEvent((event) => {
      const reader = waiting.shift();
      if (reader) reader({ done: false, value: event });
      else buffered.push(event);
    });
    const end = (): void => {
      ended = true;
      stop();
      this.#endings.delete(end);
      for (const reader of waiting.splice(0)) reader({ done: true, value: undefined });
    };
    if (ended) stop();
    else this.#endings.add(end);
    const iterator: AsyncIterableIterator<RecordedEvent> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () => {
        const value = buffered.shift();
        if (value !== undefined) return Promise.resolve({ done: false, value });
        return ended
          ? Promise.resolve({ done: true, value: undefined })
          : new Promise((resolve) => waiting.push(resolve));
      },
      return: () => {
        buffered.length = 0;
        end();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
    return iterator;
  }

  /** Ends every iterator, those that are begun later too. */
  end(): void {
    this.#closed = true;
    for (const end of this.#endings) end();
  }

  #quietly(call: () => unknown): void {
    try {
      // An async listener fails later: unheard, that would end the process.
      const done = call();
      if (done instanceof Promise) done.catch(this.#onListenerError);
    } catch (thrown) {
      this.#onListenerError(thrown);
    }
  }
}
