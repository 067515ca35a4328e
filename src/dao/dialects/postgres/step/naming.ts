// How the things of before are called after a step: tables by their numbers, columns by theirs.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { PostgresConnection } from '../connection.js';
import { hasLess } from './lost-objects.js';
import type { Naming } from './lost-parts.js';
import { differencesOf, holdsRows, type Relations } from './relations.js';

// A renamed column's row of the catalog is this transaction's. What it was called before is known by its place: columns
// that are there keep their order, and the dropped ones between them are there as dropped.
const COLUMNS = `
  SELECT a.attrelid::bigint AS oid, pg_catalog.array_agg(CASE WHEN a.attisdropped THEN NULL ELSE a.attname::text END ORDER BY a.attnum) AS names,
    pg_catalog.array_agg(a.attisdropped AND pg_catalog.age(a.xmin) > pg_catalog.age(pg_catalog.pg_current_xact_id()::xid) ORDER BY a.attnum) AS gone
  FROM pg_catalog.pg_attribute AS a
  WHERE a.attnum > 0 AND a.attrelid IN (
    SELECT c.attrelid FROM pg_catalog.pg_attribute AS c
    WHERE c.attnum > 0 AND c.attrelid = ANY ($1::oid[]) AND pg_catalog.age(c.xmin) <= pg_catalog.age(pg_catalog.pg_current_xact_id()::xid))
  GROUP BY a.attrelid`;

interface ColumnsRow {
  readonly oid: number;
  /** Now; null where it is dropped. */
  readonly names: readonly (string | null)[];
  /** It was dropped before the step. */
  readonly gone: readonly boolean[];
}

/**
 * `named`: what the step's statements took away or renamed, as the server folds it. A table that was dropped lives on in
 * the one that the step made in its place.
 */
export function readNaming(
  connection: PostgresConnection,
  relations: Relations,
  { before, after }: { readonly before: SchemaSnapshot; readonly after: SchemaSnapshot },
  named: ReadonlySet<string>,
): ResultAsync<Naming, SqlError> {
  const inPlace = inPlaceOf(relations);
  const { gone, renamed } = differencesOf(relations);
  const names = new Map<string, string | undefined>([
    ...gone.map(({ name }) => [name, inPlace.has(name) ? name : undefined] as const),
    ...renamed.map(({ was, is }) => [was.name, is.name] as const),
  ]);
  const nameNow = (name: string): string | undefined => (names.has(name) ? names.get(name) : name);
  const isNamed = (bare: string): boolean => named.has(bare);
  if (!hasLess(before, after))
    return okAsync({
      isNamed,
      nameNow,
      columnNow: (_table, column) => column,
      columnBefore: () => undefined,
      isReplaced: () => false,
    });
  const oids = [...relations.before.keys()];
  return connection.query<ColumnsRow>(COLUMNS, [oids]).map(({ rows }) => {
    const changed = new Map(
      rows.map(({ oid, names, gone }) => {
        const table = relations.before.get(oid)?.name;
        const old = before.tables.find(({ name }) => name === table)?.columns ?? [];
        const there = names.flatMap((now, at) =>
          gone[at] === true ? [] : [{ number: at + 1, now: now ?? undefined }],
        );
        return [table, old.flatMap(({ name: was }, at) => (there[at] ? [{ was, ...there[at] }] : []))];
      }),
    );
    const columnNow = (table: string, column: string): string | undefined => {
      if (inPlace.has(table))
        return after.tables.find(({ name }) => name === table)?.columns.find(({ name }) => name === column)?.name;
      const columns = changed.get(table);
      return columns === undefined ? column : columns.find(({ was }) => was === column)?.now;
    };
    const columnBefore = (table: string, column: number): string | undefined =>
      changed.get(table)?.find(({ number }) => number === column)?.was;
    return { isNamed, nameNow, columnNow, columnBefore, isReplaced: (table) => inPlace.has(table) };
  });
}

/** Pure: names of tables that are gone, and that a table of the step has now. */
function inPlaceOf(relations: Relations): ReadonlySet<string> {
  const [gone, made] = [differencesOf(relations).gone, differencesOf(relations).made].map((all) =>
    all.filter(holdsRows).map(({ name }) => name),
  );
  return new Set(gone?.filter((name) => made?.includes(name)));
}
