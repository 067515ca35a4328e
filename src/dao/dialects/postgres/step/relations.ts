// The relations of a database, by the number that stays theirs under any name, and what became of them.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { nameOf, sqlName } from '../name.js';

export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly bare: string;
  /** As messages and the inspector have it. */
  readonly name: string;
  /** As `pg_class.relkind`: table, partitioned table, view, materialized view, foreign table, sequence. */
  readonly kind: 'r' | 'p' | 'v' | 'm' | 'f' | 'S';
  readonly filenode: number;
  /** The highest number of a column of it, dropped ones included. */
  readonly columns: number;
  /** The partitioned table on top, for a partition. */
  readonly root: number | undefined;
  /** The tables that it inherits from, where it is no partition. */
  readonly parents: readonly number[];
  /** The database's own estimate; -1 where it has none. */
  readonly estimate: number;
}

export interface RelationRow {
  readonly oid: number;
  readonly schema: string;
  readonly bare: string;
  readonly kind: Relation['kind'];
  readonly filenode: number | null;
  readonly columns: number;
  readonly root: number | null;
  readonly parents: readonly number[] | null;
  readonly estimate: number;
}

/** A step's relations before and after, by what stays theirs. */
export interface Relations {
  readonly before: ReadonlyMap<number, Relation>;
  readonly after: ReadonlyMap<number, Relation>;
}

/** What is not the same in both. */
export interface Differences {
  readonly gone: readonly Relation[];
  readonly made: readonly Relation[];
  readonly renamed: readonly { readonly was: Relation; readonly is: Relation }[];
}

const DIFFERENCES = new WeakMap<Relations, Differences>();
type ByNumber = ReadonlyMap<number, Relation>;
/** What a map was made from, and the only ones that are not the same there. */
const GROWN = new WeakMap<ByNumber, { readonly from: ByNumber; readonly news: ByNumber }>();

/** Those of `from`, with `news` in their places and besides them. */
export function grownBy(from: ByNumber, news: ByNumber): ByNumber {
  const all = new Map(from);
  for (const [oid, one] of news) all.set(oid, one);
  GROWN.set(all, { from, news });
  return all;
}

/** Looked for once, by whoever asks first: there may be thousands of relations, and few that differ. */
export function differencesOf(relations: Relations): Differences {
  const known = DIFFERENCES.get(relations);
  if (known !== undefined) return known;
  const { before, after } = relations;
  const grown = GROWN.get(after);
  const found = grown?.from === before ? between(before, grown.news, 'some') : between(before, after, 'all');
  DIFFERENCES.set(relations, found);
  return found;
}

/** `after`: all that are there, or only those of which some can be new or renamed. */
function between(before: ByNumber, after: ByNumber, has: 'all' | 'some'): Differences {
  const renamed = [...after.values()].flatMap((is) => {
    const was = before.get(is.oid);
    return was !== undefined && was.name !== is.name ? [{ was, is }] : [];
  });
  const gone = has === 'all' ? [...before.values()].filter(({ oid }) => !after.has(oid)) : [];
  return { gone, made: [...after.values()].filter(({ oid }) => !before.has(oid)), renamed };
}

/** Schemas of the engine itself. */
export const isOwn = ({ schema }: Pick<Relation, 'schema'>): boolean =>
  schema === 'migrate_safe' || schema === 'migrate_safe_backup';

/** Whether it has rows of its own that a step could lose. */
export const holdsRows = ({ kind }: Relation): boolean => kind === 'r' || kind === 'p';

const RELATIONS = `
  SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS bare, c.relkind AS kind,
    pg_catalog.pg_relation_filenode(c.oid)::bigint AS filenode, c.reltuples::bigint AS estimate, c.relnatts AS columns,
    CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::oid::bigint END AS root,
    CASE WHEN NOT c.relispartition THEN (SELECT pg_catalog.json_agg(i.inhparent::bigint) FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid) END AS parents
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't'
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'`;

export function readRelations(connection: PostgresConnection): ResultAsync<ReadonlyMap<number, Relation>, SqlError> {
  return connection.prepared<RelationRow>('relations', RELATIONS).map(({ rows }) => byNumber(rows));
}

/** To be asked within another statement: those whose numbers `of` gives, as an array of `RelationRow`. */
export const relationsOf = (of: string): string =>
  `(SELECT pg_catalog.json_agg(one) FROM (${RELATIONS} AND c.oid = ANY (ARRAY(${of}))) AS one)`;

export const byNumber = (rows: readonly RelationRow[]): ReadonlyMap<number, Relation> =>
  new Map(
    rows.map((row) => [
      row.oid,
      {
        ...row,
        name: nameOf({ schema: row.schema, name: row.bare }),
        filenode: row.filenode ?? 0,
        root: row.root ?? undefined,
        parents: row.parents ?? [],
      },
    ]),
  );

/** The numbers of the engine's own: whatever is in a schema depends on it. */
export const OWN_NUMBERS = `SELECT d.objid FROM pg_catalog.pg_depend AS d
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
    AND d.refobjid = ANY (ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname IN ('migrate_safe', 'migrate_safe_backup')))`;
export const OWN_RELATIONS = relationsOf(OWN_NUMBERS);

/** What is known, with the engine's own as they are now. */
export function withOwn(
  known: ReadonlyMap<number, Relation>,
  own: readonly RelationRow[],
): ReadonlyMap<number, Relation> {
  const all = new Map(known);
  for (const one of known.values()) if (isOwn(one)) all.delete(one.oid);
  for (const [oid, one] of byNumber(own)) all.set(oid, one);
  return all;
}

/** As statements of the engine name it, under the name that it has there. */
export const inSql = ({ schema, bare }: Pick<Relation, 'schema' | 'bare'>): string => sqlName({ schema, name: bare });

/** Those that are still there, under the names that they have at this moment. */
export const asNow = (
  connection: PostgresConnection,
  relations: readonly Relation[],
): ResultAsync<readonly Relation[], SqlError> =>
  connection
    .query<Pick<Relation, 'oid' | 'schema' | 'bare'>>(
      `SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS bare FROM pg_catalog.pg_class AS c
       JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::oid[])`,
      [relations.map(({ oid }) => oid)],
    )
    .map(({ rows }) =>
      relations.flatMap((relation) => {
        const now = rows.find(({ oid }) => oid === relation.oid);
        return now === undefined ? [] : [{ ...relation, ...now }];
      }),
    );

/** What became of the relations that were there before. */
export interface Changes {
  readonly gone: readonly number[];
  /** Their rows are kept in other files than before: rewritten, or truncated. */
  readonly refiled: readonly { readonly oid: number; readonly filenode: number; readonly isEmpty: boolean }[];
  readonly droppedColumns: readonly { readonly oid: number; readonly column: number }[];
}

// Rows of the catalogs that this transaction or one of its savepoints wrote are not older than it. Others' are, or will
// be seen by nobody.
const CHANGES = `
  SELECT
    (SELECT pg_catalog.json_agg(k.oid::bigint) FROM known AS k WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = k.oid)) AS gone,
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('oid', k.oid::bigint, 'filenode', pg_catalog.pg_relation_filenode(k.oid)::bigint,
        'isEmpty', pg_catalog.pg_relation_size(k.oid) = 0))
      FROM known AS k JOIN pg_catalog.pg_class AS c ON c.oid = k.oid
      WHERE pg_catalog.pg_relation_filenode(k.oid) <> k.filenode) AS refiled,
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('oid', a.attrelid::bigint, 'column', a.attnum))
      FROM pg_catalog.pg_attribute AS a JOIN known AS k ON k.oid = a.attrelid
      WHERE a.attisdropped AND pg_catalog.age(a.xmin) <= pg_catalog.age(pg_catalog.pg_current_xact_id()::xid)) AS "droppedColumns"`;

export function readChanges(
  connection: PostgresConnection,
  relations: Iterable<Relation>,
): ResultAsync<Changes, SqlError> {
  const all = [...relations].filter(holdsRows);
  const known = `WITH known AS MATERIALIZED (SELECT * FROM unnest($1::oid[], $2::oid[]) AS k (oid, filenode)) ${CHANGES}`;
  return connection
    .prepared<{ [Key in keyof Changes]: Changes[Key] | null }>('changes', known, [
      all.map(({ oid }) => oid),
      all.map(({ filenode }) => filenode),
    ])
    .map(({ rows: [row] }) => ({
      gone: row?.gone ?? [],
      refiled: row?.refiled ?? [],
      droppedColumns: row?.droppedColumns ?? [],
    }));
}
