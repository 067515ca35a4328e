// Tables without borders: padded columns, one of which gives way where the terminal is narrow.
import { truncate, widthOf } from './format.js';

export interface TableOptions {
  readonly width: number;
  /** The column that is cut where a row would be too wide. */
  readonly shrink: number;
  readonly right?: readonly number[];
}

const GAP = '   ';

/** One line per row; cells of the shrinking column carry no colour of their own but what `paint` gives them. */
export function table(
  rows: readonly (readonly string[])[],
  { width, shrink, right = [] }: TableOptions,
  paint: (cell: string, column: number, row: number) => string = (cell) => cell,
): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(0, ...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const total = widths.reduce((all, one) => all + one, 0) + GAP.length * Math.max(0, columns - 1);
  const wide = widths[shrink];
  if (wide !== undefined && total > width) widths[shrink] = Math.max(8, wide - (total - width));
  return rows.map((row, at) =>
    row
      .map((cell, column) => {
        const most = widths[column] ?? 0;
        const text = column === shrink ? truncate(cell, most) : cell;
        const padding = ' '.repeat(Math.max(0, most - widthOf(text)));
        return right.includes(column) ? padding + paint(text, column, at) : paint(text, column, at) + padding;
      })
      .join(GAP)
      .trimEnd(),
  );
}
