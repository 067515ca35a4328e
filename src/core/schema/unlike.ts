// What two lists of the same kind do not share: an inspector hands out the same object for what did not change.

/** Both lists without the objects that are in both, each in its own order. */
export function unlike<T extends object>(
  before: readonly T[],
  after: readonly T[],
): readonly [before: readonly T[], after: readonly T[]] {
  // A step changes one place or adds to the end: what lies around it is the same in the same order.
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const [old, now] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)];
  if (old.length === 0 || now.length === 0) return [old, now];
  const [inOld, inNow] = [new Set(old), new Set(now)];
  return [old.filter((item) => !inNow.has(item)), now.filter((item) => !inOld.has(item))];
}
