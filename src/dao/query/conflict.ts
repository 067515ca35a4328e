// What an upsert does where the row is there already.
import { Result } from 'neverthrow';
import type { InvalidCall } from '../dao-error.js';
import type { CompiledColumn, CompiledTable, RawRow } from '../table/compiled-table.js';
import { columnsIn, type Conflict } from './write.js';

interface Asked {
  readonly onConflict?: readonly string[];
  readonly update?: readonly string[];
}

/** `values`: the row with its defaults; `given`: as the caller wrote it. What was not given is left as it is. */
export function conflictOf(
  table: CompiledTable,
  values: RawRow,
  given: object,
  { onConflict, update }: Asked,
): Result<Conflict, InvalidCall> {
  const { timestamps, version, generated = [] } = table.declared.options;
  const { primaryKey } = table.declared;
  const asked =
    update ??
    columnsIn(table, values)
      .map(({ name }) => name)
      .filter((name) => Object.hasOwn(given, name));
  return named(table, onConflict ?? primaryKey).andThen((on) => {
    const keys = on.map(({ name }) => name);
    const kept = new Set([...keys, ...primaryKey, ...generated, version, timestamps?.createdAt]);
    const changed = new Set(asked.filter((name) => !kept.has(name)));
    if (timestamps?.updatedAt !== undefined) changed.add(timestamps.updatedAt);
    // Without a column to set there would be no row to give back.
    return named(table, changed.size === 0 ? keys : [...changed]).map((columns) => ({ on, update: columns }));
  });
}

const named = (table: CompiledTable, names: readonly string[]): Result<CompiledColumn[], InvalidCall> =>
  Result.combine(names.map((name) => table.column(name)));
