// The table that a benchmark prints: one line per row, as soon as it is measured.
import type { RowResult } from './row.js';

const WIDTHS = [17, 8, 12, 26, 12, 7, 8] as const;
const LEFT: ReadonlySet<number> = new Set([0, 1, 3]);

const columns = (cells: readonly string[]): string =>
  cells.map((cell, at) => (LEFT.has(at) ? cell.padEnd(WIDTHS[at] ?? 0) : cell.padStart(WIDTHS[at] ?? 0))).join('  ');

/** The names of the columns. */
export const heading = (): string => columns(['name', 'dialect', 'ours', 'peer', 'theirs', 'ratio', 'at most', '']);

/** One row, and below it where its time went. */
export function lineOf({ name, dialect, unit, ours, peer, theirs, ratio, atMost, note }: RowResult): string {
  const figure = (value: number): string => `${value.toFixed(1)} ${unit}`;
  const line = columns([
    name,
    dialect,
    figure(ours),
    peer,
    figure(theirs),
    ratio.toFixed(2),
    atMost.toFixed(1),
    ratio <= atMost ? 'ok' : 'over',
  ]);
  return note === undefined ? line : `${line}\n  ${note}`;
}
