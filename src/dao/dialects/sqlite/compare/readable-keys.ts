// Writes the keys of a few rows for people to read: `3`, `'x'`, `(3, 'x')`.
import { okAsync, ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { ALIAS, column } from './cells.js';
import { foldName, mainTable } from './identifiers.js';
import type { Version } from './identity.js';
import { type Key, orderOf } from './key.js';
import { rowAt } from './page.js';
import type { TableShape } from './shape.js';
import type { Locator } from './walk-by-key.js';

/** How many keys are told as examples. */
export const EXAMPLES = 5;

/** No value of a key is shown longer than this many characters. */
const SHOWN = 60;

/** The keys of rows, in their order: the primary key if the table has one, else the rowid. */
export function readableKeys(
  version: Version,
  key: Key,
  rows: readonly Locator[],
): ResultAsync<readonly string[], SqlError> {
  const table = mainTable(version.shape.name);
  return ResultAsync.combine(
    rows.map(({ after, index }) => shownKeys(version, key, rowAt(table, key, after, index))),
  ).map((keys) => keys.flat());
}

/** The keys of the first rows, in the order of the key, in which a column has a value. */
export function firstKeysWithValue(version: Version, key: Key, name: string): ResultAsync<readonly string[], SqlError> {
  if (key.kind === 'position') return okAsync([]);
  const from = `FROM ${mainTable(version.shape.name)} AS ${ALIAS}`;
  return shownKeys(version, key, `${from} WHERE ${column(name)} IS NOT NULL ${orderOf(key)} LIMIT ${EXAMPLES}`);
}

function shownKeys({ session, shape }: Version, key: Key, from: string): ResultAsync<readonly string[], SqlError> {
  return session
    .all<{ readonly shown: string }>(`SELECT ${shownKey(shape, key)} AS shown ${from}`)
    .map((rows) => rows.map((row) => row.shown));
}

/** The rowid is the table's own key, or the only one it has. */
function isOwnKey(shape: TableShape): boolean {
  const [only, ...others] = shape.primaryKey;
  if (only === undefined) return true;
  return others.length === 0 && shape.rowidAlias !== undefined && foldName(only.column) === foldName(shape.rowidAlias);
}

function shownKey(shape: TableShape, key: Key): string {
  if (key.kind === 'integer' && isOwnKey(shape)) return `CAST(${key.expression} AS TEXT)`;
  const parts = shape.primaryKey.map((part) => shownValue(column(part.column)));
  return parts.length === 1 ? parts.join('') : `'('||${parts.join(`||', '||`)}||')'`;
}

function shownValue(value: string): string {
  return `CASE WHEN length(quote(${value})) > ${SHOWN} THEN substr(quote(${value}), 1, ${SHOWN})||'…' ELSE quote(${value}) END`;
}
