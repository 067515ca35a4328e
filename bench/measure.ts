// Measuring side by side: the two sides take turns, so that what else the machine does meets both.

/** Does the work once and returns what it took, in milliseconds; what is not to be counted stays outside. */
export type Side = () => Promise<number>;

/** Medians of both sides over `repetitions` turns each, after `warmUp` turns that do not count. */
export async function sideBySide(
  ours: Side,
  theirs: Side,
  turns: { readonly warmUp: number; readonly repetitions: number },
): Promise<{ readonly ours: number; readonly theirs: number }> {
  const taken: { readonly ours: number[]; readonly theirs: number[] } = { ours: [], theirs: [] };
  for (let turn = 0; turn < turns.warmUp + turns.repetitions; turn++) {
    // Whoever goes first pays for what the other left behind: they change places.
    const order = turn % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const);
    for (const side of order) {
      const ms = await (side === 'ours' ? ours() : theirs());
      if (turn >= turns.warmUp) taken[side].push(ms);
    }
  }
  return { ours: median(taken.ours), theirs: median(taken.theirs) };
}

/** A side that has taken so long is asked no more, in milliseconds: it is slow enough to be known from few turns. */
const PATIENCE_MS = 5000;

/** The median of each side, over turns of all of them: each turn begins with another one. */
export async function inTurns(
  sides: readonly Side[],
  turns: { readonly warmUp: number; readonly repetitions: number },
): Promise<readonly number[]> {
  const measured = sides.map((side) => ({ side, taken: [] as number[], sum: 0 }));
  for (let turn = 0; turn < turns.warmUp + turns.repetitions; turn++) {
    const first = turn % sides.length;
    for (const one of [...measured.slice(first), ...measured.slice(0, first)]) {
      if (one.sum >= PATIENCE_MS) continue;
      const ms = await one.side();
      if (turn < turns.warmUp) continue;
      one.taken.push(ms);
      one.sum += ms;
    }
  }
  return measured.map(({ taken }) => median(taken));
}

/** The milliseconds that `work` takes. */
export async function timed(work: () => PromiseLike<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  if (low === undefined || high === undefined) throw new Error('no figures: there is no median of nothing');
  return (low + high) / 2;
}
