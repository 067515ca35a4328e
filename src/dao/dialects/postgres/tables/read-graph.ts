// Reads what hangs on what in a PostgreSQL database, in one statement; nothing where the names that are asked for are not there.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { EMPTY_GRAPH, type Graph } from './graph.js';

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

/** Of a default, a check, a rule, a view, a policy, an index: the relation that it belongs to. */
const PARTS = `
  SELECT 'pg_catalog.pg_rewrite'::regclass AS classid, oid AS objid, ev_class AS relation FROM pg_catalog.pg_rewrite
  UNION ALL SELECT 'pg_catalog.pg_attrdef'::regclass, oid, adrelid FROM pg_catalog.pg_attrdef
  UNION ALL SELECT 'pg_catalog.pg_constraint'::regclass, oid, conrelid FROM pg_catalog.pg_constraint WHERE contype = 'c'
  UNION ALL SELECT 'pg_catalog.pg_policy'::regclass, oid, polrelid FROM pg_catalog.pg_policy
  UNION ALL SELECT 'pg_catalog.pg_class'::regclass, indexrelid, indrelid FROM pg_catalog.pg_index`;

/** A table of which another has a whole row in a column takes that column with it. */
const CHILDREN = `
  SELECT inhparent AS parent, inhrelid AS child FROM pg_catalog.pg_inherits WHERE inhparent IN (SELECT oid FROM relations)
  UNION SELECT y.owner, a.attrelid FROM pg_catalog.pg_attribute AS a JOIN (
    SELECT r.oid AS owner, t.oid FROM relations AS r JOIN pg_catalog.pg_type AS t ON t.typrelid = r.oid
    UNION ALL SELECT r.oid, t.typarray FROM relations AS r JOIN pg_catalog.pg_type AS t ON t.typrelid = r.oid
  ) AS y ON y.oid = a.atttypid WHERE a.attrelid = ANY (ARRAY(SELECT oid FROM relations))`;

const list = (rows: string, from: string): string =>
  `(SELECT coalesce(pg_catalog.json_agg(${rows}), '[]') FROM ${from})`;
const pair = (...members: readonly string[]): string => `pg_catalog.json_build_array(${members.join(', ')})`;
const using = (catalog: string, targets: string, parts = 'parts'): string =>
  `(SELECT DISTINCT p.relation, d.refobjid FROM ${parts} AS p
    JOIN pg_catalog.pg_depend AS d ON d.classid = p.classid AND d.objid = p.objid
    WHERE d.refclassid = 'pg_catalog.${catalog}'::regclass AND d.refobjid <> p.relation
      AND d.refobjid = ANY (ARRAY(SELECT oid FROM ${targets}))) AS u`;

const GRAPH = `
WITH relations AS MATERIALIZED (${RELATIONS}), routines AS MATERIALIZED (${ROUTINES}), parts AS MATERIALIZED (SELECT * FROM (${PARTS}) AS p WHERE p.relation = ANY (ARRAY(SELECT oid FROM relations))),
triggers AS (SELECT DISTINCT t.tgrelid, t.tgfoid FROM pg_catalog.pg_trigger AS t JOIN routines AS r ON r.oid = t.tgfoid)
SELECT pg_catalog.json_build_object(
  'relations', ${list(`pg_catalog.json_build_object('id', r.oid::bigint, 'schema', r.nspname, 'name', r.relname, 'kind', r.relkind, 'extension', ${memberOf('pg_class', 'r.oid')})`, 'relations AS r')},
  'routines', ${list(`pg_catalog.json_build_object('id', r.oid::bigint, 'name', r.proname, 'body', r.body)`, 'routines AS r')},
  'references', ${list(pair('k.confrelid::bigint', 'k.conrelid::bigint', `k.confdeltype NOT IN ('a', 'r') OR k.confupdtype NOT IN ('a', 'r')`), `pg_catalog.pg_constraint AS k WHERE k.contype = 'f'`)},
  'inherits', ${list(pair('i.parent::bigint', 'i.child::bigint'), `(${CHILDREN}) AS i`)},
  'uses', ${list(pair('u.relation::bigint', 'u.refobjid::bigint'), using('pg_class', 'relations', `(SELECT * FROM parts WHERE classid = 'pg_catalog.pg_rewrite'::regclass)`))},
  'calls', ${list(pair('c.relation::bigint', 'c.routine::bigint'), `(SELECT u.relation, u.refobjid AS routine FROM ${using('pg_proc', 'routines')} UNION SELECT tgrelid, tgfoid FROM triggers) AS c`)},
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
  return connection.query<{ named: boolean }>(IS_ANYTHING_NAMED, [names]).map(({ rows }) => rows[0]?.named === true);
}

export function readGraph(connection: PostgresConnection): ResultAsync<Graph, SqlError> {
  return connection
    .query<{ graph: string }>(GRAPH)
    .map(({ rows }) => (rows[0] === undefined ? EMPTY_GRAPH : (JSON.parse(rows[0].graph) as Graph)));
}
