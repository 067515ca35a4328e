// What a row of the benchmark is: our figure beside a peer's, and the ratio that it may reach at most.
import type { Dialect } from './history.js';
import type { Scratch } from './scratch.js';

/** Both figures in the row's unit; `note` says where the time went. */
export interface Measured {
  readonly ours: number;
  readonly theirs: number;
  readonly note?: string;
}

/** One thing that is measured. */
export interface Row {
  readonly name: string;
  readonly dialect: Dialect;
  /** What ours is compared with. */
  readonly peer: string;
  readonly unit: 'ms' | 'MB';
  /** The highest ratio of ours to theirs that is good enough. */
  readonly atMost: number;
  /** Undefined where what it takes is not there: the row is passed over, and that is said. */
  measure(scratch: Scratch): Promise<Measured | undefined>;
}

/** A row as `results.json` keeps it. */
export interface RowResult extends Omit<Row, 'measure'>, Measured {
  readonly ratio: number;
}
