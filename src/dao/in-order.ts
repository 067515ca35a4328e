// Sequences asynchronous results: one after the other, the first error ends it.
import { ok, okAsync, ResultAsync, type Result } from 'neverthrow';

/** Calls `each` for the items in turn and collects what it gives; stops at the first error. */
export function inOrder<Item, T, E>(
  items: readonly Item[],
  each: (item: Item, index: number) => ResultAsync<T, E>,
): ResultAsync<T[], E> {
  if (items.length === 0) return okAsync([]);
  const walk = async (): Promise<Result<T[], E>> => {
    const done: T[] = [];
    for (const item of items) {
      const result = await each(item, done.length);
      if (result.isErr()) return result.map(() => done);
      done.push(result.value);
    }
    return ok(done);
  };
  return new ResultAsync(walk());
}
