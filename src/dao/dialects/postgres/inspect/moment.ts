// Whose work can be seen at a moment: as long as that is the same, nobody has changed anything. Pure.

/** The transactions whose work can be seen are all those before `next` that are not `running`. */
export interface Moment {
  readonly next: number;
  readonly running: ReadonlySet<number>;
}

/** As `pg_current_snapshot()` writes it: https://www.postgresql.org/docs/current/functions-info.html */
export function momentOf(snapshot: string): Moment {
  const [, next, running = ''] = snapshot.split(':');
  return { next: Number(next), running: new Set(running === '' ? [] : running.split(',').map(Number)) };
}

/** So many transactions are looked at one by one. */
const MANY = 10_000;
/** The server writes the numbers of transactions that hold locks without their epoch. */
const EPOCH = 2 ** 32;

/** Whether nobody's transaction has ended between the two moments but those in `own`. */
export function isSameBut(own: ReadonlySet<number>, before: Moment, after: Moment): boolean {
  if (!(after.next - before.next < MANY)) return false;
  const begun = Array.from({ length: Math.max(0, after.next - before.next) }, (_, at) => before.next + at);
  return [...before.running, ...begun].every((one) => after.running.has(one) || own.has(one % EPOCH));
}
