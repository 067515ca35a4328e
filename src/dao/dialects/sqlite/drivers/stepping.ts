// How many pages a copy moves at a time: small enough to show progress, all at once when a writer keeps restarting it.

const PAGES = 4096;
const ALL = -1;
const MOST_RESTARTS = 2;

/** Watches a copy: each restart shows as a growing rest, and after two of them the copy goes on in one step. */
export function pagesPerStep(): { pages(): number; observe(remaining: number): void } {
  let last = Number.POSITIVE_INFINITY;
  let restarts = 0;
  return {
    pages: () => (restarts > MOST_RESTARTS ? ALL : PAGES),
    observe: (remaining) => {
      if (remaining >= last && remaining > 0) restarts += 1;
      last = remaining;
    },
  };
}
