// The two ways to make tables what their copies are: emptied and filled anew, or only where they differ.
import { ok, safeTry, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import { quoted, sqlName, type QualifiedName } from '../name.js';
import type { KeptTable } from './catalogue.js';
import { ownColumns, rowText } from './compare-rows.js';
import type { Declaration, ForeignKey, Reaction, Surroundings } from './surroundings.js';
import { restoredColumn } from './table-facts.js';

const names = (columns: readonly string[]): string => columns.map(quoted).join(', ');
const same = (a: QualifiedName, b: QualifiedName): boolean => a.schema === b.schema && a.name === b.name;
const all = (connection: PostgresConnection, statements: readonly string[]): ResultAsync<unknown, SqlError> =>
  inOrder(statements, (sql) => connection.run(sql));

/**
 * Empties the tables and fills them. Foreign keys of others go before and come back after, when the server looks at every
 * row again. Takes the tables, and those that refer to them, for itself.
 */
export function rewrite(
  connection: PostgresConnection,
  tables: readonly KeptTable[],
  { incoming, triggers, rules }: Surroundings,
): ResultAsync<void, SqlError> {
  return safeTry(async function* () {
    yield* all(connection, [
      ...incoming.map(({ table, name }) => `ALTER TABLE ${sqlName(table)} DROP CONSTRAINT ${quoted(name)}`),
      ...triggers.filter(fires).map(disable('TRIGGER')),
      ...rules.filter(fires).map(disable('RULE')),
      `TRUNCATE ${tables.map((table) => `ONLY ${sqlName(table)}`).join(', ')}`,
    ]);
    yield* all(
      connection,
      tables.map((table) => insertion(table, '')),
    );
    yield* all(connection, [
      // The server lets nobody alter a table that has checks to come.
      'SET CONSTRAINTS ALL IMMEDIATE',
      ...incoming.flatMap(declare),
      ...rules.filter(fires).map(enable('RULE')),
      ...triggers.filter(fires).map(enable('TRIGGER')),
    ]);
    return ok(undefined);
  });
}

const fires = (reaction: Reaction): boolean => reaction.fires !== 'D';
const disable =
  (what: 'TRIGGER' | 'RULE') =>
  ({ table, name }: Reaction): string =>
    `ALTER TABLE ${sqlName(table)} DISABLE ${what} ${quoted(name)}`;
const WHEN: Readonly<Record<string, string>> = { R: 'REPLICA ', A: 'ALWAYS ' };
const enable =
  (what: 'TRIGGER' | 'RULE') =>
  ({ table, name, fires: when }: Reaction): string =>
    `ALTER TABLE ${sqlName(table)} ENABLE ${WHEN[when] ?? ''}${what} ${quoted(name)}`;

const declare = ({ table, name, definition, comment }: Declaration): readonly string[] => [
  `ALTER TABLE ${sqlName(table)} ADD CONSTRAINT ${quoted(name)} ${definition}`,
  ...(comment === null
    ? []
    : [`COMMENT ON CONSTRAINT ${quoted(name)} ON ${sqlName(table)} IS '${comment.replaceAll("'", "''")}'`]),
];

function insertion(table: KeptTable, condition: string): string {
  const own = table.columns.filter(({ generated }) => !generated);
  const into = own.length === 0 ? '' : `(${names(own.map(({ name }) => name))}) OVERRIDING SYSTEM VALUE `;
  return `INSERT INTO ${sqlName(table)} ${into}SELECT ${own.map((column) => restoredColumn(column)).join(', ')} FROM ${table.copy} AS c${condition}`;
}

/** Whether only what differs can be put right: rows are known by their key, and nobody else's rows would go with them. */
export function canMerge(table: KeptTable, { keys, rules }: Surroundings): boolean {
  const { key, columns } = table;
  const incoming = keys.filter(({ parent }) => same(parent, table));
  return (
    key.length > 0 &&
    rules.every((rule) => !same(rule.table, table)) &&
    columns.every(({ identity, name }) => identity !== 'a' || key.includes(name)) &&
    incoming.every(
      ({ plain, follows, parentColumns }) =>
        plain && (!follows || parentColumns.every((column) => key.includes(column))),
    )
  );
}

/**
 * Adds what is missing, puts right what differs, and then takes away what is too much: at that time no row of a copy refers
 * to it any more. The caller has proven that nobody else's row does.
 */
export function merge(
  connection: PostgresConnection,
  tables: readonly KeptTable[],
  { keys, triggers }: Surroundings,
): ResultAsync<void, SqlError> {
  const parentsFirst = inOrderOfReference(tables, keys);
  const firing = triggers.filter(fires);
  return all(connection, [
    'SET CONSTRAINTS ALL DEFERRED',
    ...firing.map(disable('TRIGGER')),
    ...parentsFirst.map((table) =>
      insertion(table, ` WHERE NOT EXISTS (SELECT 1 FROM ONLY ${sqlName(table)} AS l WHERE ${sameKey(table)})`),
    ),
    ...parentsFirst.flatMap(correction),
    ...parentsFirst
      .toReversed()
      .map(
        (table) =>
          `DELETE FROM ONLY ${sqlName(table)} AS l WHERE NOT EXISTS (SELECT 1 FROM ${table.copy} AS c WHERE ${sameKey(table)})`,
      ),
    'SET CONSTRAINTS ALL IMMEDIATE',
    ...firing.map(enable('TRIGGER')),
  ]).map(() => undefined);
}

const sameKey = ({ key }: KeptTable): string => `${rowText('l', key)} = ${rowText('c', key)}`;

function correction(table: KeptTable): readonly string[] {
  const own = table.columns.filter(({ generated, name }) => !generated && !table.key.includes(name));
  if (own.length === 0) return [];
  const set = own.map((column) => `${quoted(column.name)} = ${restoredColumn(column)}`).join(', ');
  const columns = ownColumns(table);
  return [
    `UPDATE ONLY ${sqlName(table)} AS l SET ${set} FROM ${table.copy} AS c WHERE ${sameKey(table)} AND ${rowText('l', columns)} <> ${rowText('c', columns)}`,
  ];
}

/** Those that others refer to come first, as far as there is no circle. */
export function inOrderOfReference(tables: readonly KeptTable[], keys: readonly ForeignKey[]): readonly KeptTable[] {
  const placed: KeptTable[] = [];
  const visit = (table: KeptTable, path: readonly KeptTable[]): void => {
    if (placed.includes(table) || path.includes(table)) return;
    const parents = keys.filter(({ child }) => same(child, table)).map(({ parent }) => parent);
    for (const other of tables)
      if (other !== table && parents.some((parent) => same(parent, other))) visit(other, [...path, table]);
    placed.push(table);
  };
  for (const table of tables) visit(table, []);
  return placed;
}
