// What a DAO itself writes into a row: versions and times, by the options of its table.
import type { RawRow } from '../table/raw-row.js';
import type { AnyTable } from '../table/table.js';

/** A row to be inserted, with what was not given. */
export function created({ options }: AnyTable, row: object, now: () => Date): object {
  const { version, timestamps } = options;
  if ((version === undefined && timestamps === undefined) || row === null || typeof row !== 'object') return row;
  const made: RawRow = { ...row };
  const stamp = (column: string | undefined, value: unknown): void => {
    if (column !== undefined && (!Object.hasOwn(made, column) || made[column] === undefined)) made[column] = value;
  };
  const at = now();
  stamp(timestamps?.createdAt, at);
  stamp(timestamps?.updatedAt, at);
  stamp(version, 1);
  return made;
}

export function touched({ options }: AnyTable, now: Date): RawRow {
  const column = options.timestamps?.updatedAt;
  return column === undefined ? {} : { [column]: now };
}

/** `at`: null for a row that is to be there again. */
export function removal(table: AnyTable, at: Date | null, now: Date): RawRow {
  const { softDelete } = table.options;
  return { ...(softDelete === undefined ? {} : { [softDelete]: at }), ...touched(table, now) };
}
