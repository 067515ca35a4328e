// Reads what hangs on what in a PostgreSQL database, in one statement; nothing where the names that are asked for are not there.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { EMPTY_GRAPH, type Graph, type Relation } from './graph.js';

const OURS = `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrate_safe', 'migrate_safe_backup')`;
const memberOf = (catalog: string, oid: string): string =>
  `EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS e WHERE e.classid = 'pg_catalog.${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`;

/** Extensions whose compiled functions do nothing to tables. */
const HARMLESS = `'btree_gin', 'btree_gist', 'citext', 'cube', 'earthdistance', 'fuzzystrmatch', 'hstore', 'intarray', 'isn', 'ltree', 'pg_trgm', 'pgcrypto', 'postgis', 'seg', 'unaccent', 'uuid-ossp', 'vector'`;

const RELATIONS = `
  SELECT c.oid, c.relname, c.relkind, n.nspname FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE ${OURS} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'`;

/** Those of extensions, and compiled ones, that cannot write by their volatility, or by who brought them, are left out. */
const ROUTINES = `
  SELECT p.oid, p.proname,
    CASE WHEN p.prokind = 'a' THEN (SELECT pg_catalog.concat_ws(' ', g.aggtransfn, g.aggfinalfn) FROM pg_catalog.pg_aggregate AS g WHERE g.aggfnoid = p.oid)
      WHEN l.lanname = 'sql' AND p.prosrc = '' THEN pg_catalog.pg_get_functiondef(p.oid)
      WHEN l.lanname IN ('sql', 'plpgsql') THEN p.prosrc END AS body
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
  WHERE ${OURS} AND NOT (p.provolatile <> 'v' AND ${memberOf('pg_proc', 'p.oid')})
    AND (p.prokind = 'a' OR l.lanname IN ('sql', 'plpgsql') OR (p.provolatile = 'v' AND NOT EXISTS (
      SELECT 1 FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_extension AS x ON x.oid = d.refobjid
      WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND x.extname IN (${HARMLESS}))))`;

// Each is read from where there is least of it: a database has few routines and views, and all of its columns depend on
// something. Lists are looked up, where a join would read everything.
const ALL = '(ARRAY(SELECT oid FROM relations))';

/** From a view, or a table with rules, to what their statements name. */
const USES = `
  SELECT DISTINCT w.ev_class AS relation, d.refobjid AS used FROM rules AS w
  JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
  WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> w.ev_class AND d.refobjid = ANY ${ALL}`;

/** What calls a routine, and the relation that it belongs to: a rule or view, a default, a check, a policy, an index. */
const part = (catalog: string, relation: string, oid = 'oid', of = catalog): string =>
  `SELECT p.${relation}, d.routine FROM callers AS d JOIN pg_catalog.${catalog} AS p ON d.classid = 'pg_catalog.${of}'::regclass AND p.${oid} = d.objid`;
const CALLS = `
  SELECT c.relation, c.routine FROM (
    ${part('pg_rewrite', 'ev_class AS relation')} UNION ${part('pg_attrdef', 'adrelid')} UNION ${part('pg_policy', 'polrelid')}
    UNION ${part('pg_constraint', 'conrelid')} AND p.contype = 'c' UNION ${part('pg_index', 'indrelid', 'indexrelid', 'pg_class')}
  ) AS c WHERE c.relation = ANY ${ALL}
  UNION SELECT t.tgrelid, t.tgfoid FROM pg_catalog.pg_trigger AS t WHERE t.tgfoid = ANY (ARRAY(SELECT oid FROM routines))`;

/** A table of which another has a whole row in a column takes that column with it. */
const CHILDREN = `
  SELECT inhparent AS parent, inhrelid AS child FROM pg_catalog.pg_inherits WHERE inhparent = ANY ${ALL}
  UNION SELECT t.typrelid, d.objid FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_depend AS d ON d.refobjid IN (t.oid, t.typarray)
  WHERE t.typrelid = ANY ${ALL} AND d.refclassid = 'pg_catalog.pg_type'::regclass AND d.classid = 'pg_catalog.pg_class'::regclass
    AND d.objsubid > 0 AND d.objid = ANY ${ALL}`;

const list = (rows: string, from: string): string =>
  `(SELECT coalesce(pg_catalog.json_agg(${rows}), '[]') FROM ${from})`;
const pair = (...members: readonly string[]): string => `pg_catalog.json_build_array(${members.join(', ')})`;

const GRAPH = `
WITH relations AS MATERIALIZED (${RELATIONS}), routines AS MATERIALIZED (${ROUTINES}),
rules AS MATERIALIZED (SELECT w.oid, w.ev_class FROM pg_catalog.pg_rewrite AS w WHERE w.ev_class = ANY ${ALL}),
callers AS MATERIALIZED (SELECT d.classid, d.objid, d.refobjid AS routine FROM pg_catalog.pg_depend AS d
  WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.refobjid = ANY (ARRAY(SELECT oid FROM routines))),
members AS MATERIALIZED (SELECT d.objid FROM pg_catalog.pg_depend AS d
  WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e')
SELECT pg_catalog.json_build_object(
  'relations', (SELECT pg_catalog.json_build_array(pg_catalog.json_agg(r.oid::bigint), pg_catalog.json_agg(r.nspname), pg_catalog.json_agg(r.relname), pg_catalog.json_agg(r.relkind)) FROM relations AS r),
  'members', ${list('m.objid::bigint', 'members AS m')},
  'routines', ${list(`pg_catalog.json_build_object('id', r.oid::bigint, 'name', r.proname, 'body', r.body)`, 'routines AS r')},
  'references', ${list(pair('k.confrelid::bigint', 'k.conrelid::bigint', `k.confdeltype NOT IN ('a', 'r') OR k.confupdtype NOT IN ('a', 'r')`), `pg_catalog.pg_constraint AS k WHERE k.contype = 'f'`)},
  'inherits', ${list(pair('i.parent::bigint', 'i.child::bigint'), `(${CHILDREN}) AS i`)},
  'uses', ${list(pair('u.relation::bigint', 'u.used::bigint'), `(${USES}) AS u`)},
  'calls', ${list(pair('c.relation::bigint', 'c.routine::bigint'), `(${CALLS}) AS c`)},
  'hasMembers', EXISTS (SELECT FROM members AS m JOIN relations AS r ON r.oid = m.objid)
    OR EXISTS (SELECT FROM routines AS r WHERE ${memberOf('pg_proc', 'r.oid')}),
  'onEvents', ${list('v.evtfoid::bigint', 'pg_catalog.pg_event_trigger AS v JOIN routines AS r ON r.oid = v.evtfoid')}
)::text AS graph`;

/** A look that costs next to nothing: most steps make tables that nobody has heard of. */
const IS_ANYTHING_NAMED = `
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE ${OURS} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname = ANY ($1::text[]))
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE ${OURS} AND p.proname = ANY ($1::text[]))
  OR EXISTS (SELECT 1 FROM pg_catalog.pg_event_trigger) AS named`;

export function isAnyNamed(connection: PostgresConnection, names: readonly string[]): ResultAsync<boolean, SqlError> {
  return connection
    .prepared<{ named: boolean }>('named', IS_ANYTHING_NAMED, [names])
    .map(({ rows }) => rows[0]?.named === true);
}

type Kind = Relation['kind'];
interface GraphRow extends Omit<Graph, 'relations'> {
  /** By columns, each of which is null where there is none: for as many objects the server takes far longer. */
  readonly relations: readonly [
    ids: readonly number[] | null,
    schemas: readonly string[],
    names: readonly string[],
    kinds: readonly Kind[],
  ];
  /** Relations of extensions. */
  readonly members: readonly number[];
}

export function readGraph(connection: PostgresConnection): ResultAsync<Graph, SqlError> {
  return connection.prepared<{ graph: string }>('graph', GRAPH).map(({ rows: [row] }) => {
    if (row === undefined) return EMPTY_GRAPH;
    const { relations, members, ...graph } = JSON.parse(row.graph) as GraphRow;
    const [ids, schemas, names, kinds] = relations;
    const extension = new Set(members);
    return {
      ...graph,
      relations: (ids ?? []).map((id, at) => ({
        id,
        schema: schemas[at] ?? '',
        name: names[at] ?? '',
        kind: kinds[at] ?? 'r',
        extension: extension.has(id),
      })),
    };
  });
}
