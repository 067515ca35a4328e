// The one statement that reads a PostgreSQL schema: what the catalogs hold, as the server itself writes it, in one JSON text.

/** Schemas that are the system's or the engine's own. */
const OURS = `n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('migrate_safe', 'migrate_safe_backup')`;
/** What an extension brought along comes and goes with it. */
const notOfExtension = (catalog: string, oid: string): string =>
  `NOT EXISTS (SELECT 1 FROM pg_depend AS e WHERE e.refclassid = 'pg_extension'::regclass AND e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`;

/** A name as people say it: without the schema where that is public, in quotes only where it would be read as another one. */
const part = (name: string): string => `CASE WHEN ${name} ~ '[."]' THEN quote_ident(${name}) ELSE ${name}::text END`;
export const named = (schema: string, name: string): string =>
  `CASE WHEN ${schema} = 'public' THEN '' ELSE ${part(schema)} || '.' END || ${part(name)}`;

/** Whatever has rows, columns or a place among those that have: all but what is temporary, the engine's or an extension's. */
export const RELATIONS = `
  SELECT c.*, n.nspname, ${named('n.nspname', 'c.relname')} AS full_name
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE ${OURS} AND c.relpersistence <> 't' AND ${notOfExtension('pg_class', 'c.oid')}`;

const COLUMNS = `
  SELECT json_agg(json_build_object(
    'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
    'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
    'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
    'storage', a.attgenerated, 'identity', a.attidentity,
    'collation', CASE WHEN a.attcollation <> t.typcollation THEN format('%I.%I', co_n.nspname, co.collname) END
  ) ORDER BY a.attnum)
  FROM pg_attribute AS a
  JOIN pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_collation AS co ON co.oid = a.attcollation LEFT JOIN pg_namespace AS co_n ON co_n.oid = co.collnamespace
  WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped`;

const names = (keys: string, relation: string): string => `
  (SELECT coalesce(json_agg(a.attname ORDER BY u.at), '[]') FROM unnest(${keys}) WITH ORDINALITY AS u (num, at)
   JOIN pg_attribute AS a ON a.attrelid = ${relation} AND a.attnum = u.num)`;

// Since version 18 NOT NULL is a constraint with a name; a column says it too, but not that it is yet to be checked.
const CONSTRAINTS = `
  SELECT json_agg(json_build_object(
    'type', k.contype, 'name', k.conname, 'definition', pg_get_constraintdef(k.oid), 'columns', ${names('k.conkey', 'k.conrelid')},
    'references', CASE WHEN k.contype = 'f' THEN
      (SELECT ${named('fn.nspname', 'f.relname')} FROM pg_class AS f JOIN pg_namespace AS fn ON fn.oid = f.relnamespace WHERE f.oid = k.confrelid) END,
    'referenced', CASE WHEN k.contype = 'f' THEN ${names('k.confkey', 'k.confrelid')} END,
    'onDelete', k.confdeltype, 'onUpdate', k.confupdtype, 'deferrable', k.condeferrable, 'deferred', k.condeferred, 'valid', k.convalidated
  ) ORDER BY k.conname)
  FROM pg_constraint AS k WHERE k.conrelid = r.oid AND k.conislocal
    AND (k.contype IN ('p', 'u', 'c', 'f', 'x') OR (k.contype = 'n' AND (NOT k.convalidated OR k.connoinherit)))`;

/** Facts of a table that are neither columns nor constraints: each a line of text where it holds. */
const OPTIONS = `
  array_remove(ARRAY[
    CASE WHEN r.relpersistence = 'u' THEN 'unlogged' END,
    CASE WHEN r.relkind = 'f' THEN 'foreign table of server ' ||
      (SELECT format('%I', s.srvname) || coalesce(' ' || ft.ftoptions::text, '') FROM pg_foreign_table AS ft JOIN pg_foreign_server AS s ON s.oid = ft.ftserver WHERE ft.ftrelid = r.oid) END,
    CASE WHEN r.relkind = 'p' THEN 'partition by ' || pg_get_partkeydef(r.oid) END,
    CASE WHEN r.relispartition THEN
      (SELECT 'partition of ' || format('%I.%I', pn.nspname, p.relname) || ' ' || pg_get_expr(r.relpartbound, r.oid)
       FROM pg_inherits AS i JOIN pg_class AS p ON p.oid = i.inhparent JOIN pg_namespace AS pn ON pn.oid = p.relnamespace WHERE i.inhrelid = r.oid) END,
    CASE WHEN NOT r.relispartition THEN
      (SELECT 'inherits ' || string_agg(format('%I.%I', pn.nspname, p.relname), ', ' ORDER BY i.inhseqno)
       FROM pg_inherits AS i JOIN pg_class AS p ON p.oid = i.inhparent JOIN pg_namespace AS pn ON pn.oid = p.relnamespace WHERE i.inhrelid = r.oid) END,
    CASE WHEN r.reloftype <> 0 THEN 'of type ' || format_type(r.reloftype, NULL) END,
    CASE WHEN r.relrowsecurity THEN 'row level security' END,
    CASE WHEN r.relforcerowsecurity THEN 'row level security also for the owner' END,
    CASE WHEN r.relreplident <> 'd' THEN 'replica identity ' || r.relreplident::text END,
    CASE WHEN r.reltablespace <> 0 THEN (SELECT 'tablespace ' || format('%I', spcname) FROM pg_tablespace WHERE oid = r.reltablespace) END,
    'with ' || array_to_string(r.reloptions, ', ')
  ], NULL)`;

const TABLES = `
  SELECT json_agg(json_build_object('name', r.full_name, 'options', ${OPTIONS}, 'columns', (${COLUMNS}), 'constraints', (${CONSTRAINTS})) ORDER BY r.full_name)
  FROM relations AS r WHERE r.relkind IN ('r', 'p', 'f')`;

// An index that a constraint made is told with it.
const INDEXES = `
  SELECT json_agg(json_build_object(
    'name', r.full_name, 'table', t.full_name, 'unique', i.indisunique, 'valid', i.indisvalid,
    'definition', pg_get_indexdef(i.indexrelid), 'where', pg_get_expr(i.indpred, i.indrelid),
    'terms', (SELECT json_agg(json_build_object(
        'column', (SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = i.indrelid AND a.attnum = k.num AND k.num > 0),
        'expression', pg_get_indexdef(i.indexrelid, k.at::int, true), 'descending', (i.indoption[k.at - 1] & 1) = 1) ORDER BY k.at)
      FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (num, at) WHERE k.at <= i.indnkeyatts)
  ) ORDER BY r.full_name)
  FROM pg_index AS i JOIN relations AS r ON r.oid = i.indexrelid JOIN relations AS t ON t.oid = i.indrelid
  WHERE NOT EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conrelid = i.indrelid AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))`;

/** What is put into a view can be computed, too: that is no part of its definition. */
const VIEW_DEFAULTS = `
  (SELECT string_agg(format(' DEFAULT OF %I %s', a.attname, pg_get_expr(d.adbin, d.adrelid)), '' ORDER BY a.attnum)
   FROM pg_attrdef AS d JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid = r.oid)`;
const VIEWS = `
  SELECT json_agg(json_build_object('name', r.full_name,
    'sql', pg_get_viewdef(r.oid) || coalesce(' WITH ' || array_to_string(r.reloptions, ', '), '') || coalesce(${VIEW_DEFAULTS}, '')) ORDER BY r.full_name)
  FROM relations AS r WHERE r.relkind = 'v'`;

const TRIGGERS = `
  SELECT json_agg(json_build_object('name', r.full_name || '.' || ${part('g.tgname')}, 'table', r.full_name,
    'sql', pg_get_triggerdef(g.oid) || CASE g.tgenabled WHEN 'O' THEN '' ELSE ' ENABLED ' || g.tgenabled::text END) ORDER BY r.full_name, g.tgname)
  FROM pg_trigger AS g JOIN relations AS r ON r.oid = g.tgrelid WHERE NOT g.tgisinternal`;

const object = (type: string, name: string, definition: string, from: string): string =>
  `SELECT '${type}' AS type, ${name} AS name, ${definition} AS definition FROM ${from}`;
const ofSchema = (catalog: string, alias: string, namespace: string): string =>
  `pg_namespace AS n ON n.oid = ${alias}.${namespace} AND ${OURS} AND ${notOfExtension(catalog, `${alias}.oid`)}`;

/** Every other kind of object, with all that it is as text. */
export const OTHERS: readonly string[] = [
  object(
    'schema',
    `format('%I', n.nspname)`,
    `''`,
    `pg_namespace AS n WHERE ${OURS} AND ${notOfExtension('pg_namespace', 'n.oid')}`,
  ),
  object(
    'sequence',
    'r.full_name',
    `concat_ws(' ', format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)`,
    `pg_sequence AS s JOIN all_relations AS r ON r.oid = s.seqrelid`,
  ),
  object('materialized view', 'r.full_name', 'pg_get_viewdef(r.oid)', `all_relations AS r WHERE r.relkind = 'm'`),
  object(
    'function',
    `${named('n.nspname', 'p.proname')} || '(' || pg_get_function_identity_arguments(p.oid) || ')'`,
    `CASE p.prokind WHEN 'a' THEN pg_get_function_result(p.oid) || ' ' || (SELECT concat_ws(' ', g.aggtransfn, g.aggfinalfn, g.aggtranstype::regtype, g.agginitval, g.aggkind) FROM pg_aggregate AS g WHERE g.aggfnoid = p.oid) ELSE pg_get_functiondef(p.oid) END`,
    `pg_proc AS p JOIN ${ofSchema('pg_proc', 'p', 'pronamespace')}`,
  ),
  object(
    'rule',
    `format('%s.%I', r.full_name, w.rulename)`,
    'pg_get_ruledef(w.oid)',
    `pg_rewrite AS w JOIN all_relations AS r ON r.oid = w.ev_class WHERE w.rulename <> '_RETURN'`,
  ),
  object(
    'policy',
    `format('%s.%I', r.full_name, p.polname)`,
    `concat_ws(' | ', p.polcmd, p.polpermissive, (SELECT string_agg(CASE WHEN o = 0 THEN 'public' ELSE pg_get_userbyid(o) END, ', ' ORDER BY 1) FROM unnest(p.polroles) AS o), pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))`,
    'pg_policy AS p JOIN all_relations AS r ON r.oid = p.polrelid',
  ),
  object(
    'enum',
    named('n.nspname', 't.typname'),
    `(SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = t.oid)`,
    `pg_type AS t JOIN ${ofSchema('pg_type', 't', 'typnamespace')} WHERE t.typtype = 'e'`,
  ),
  object(
    'domain',
    named('n.nspname', 't.typname'),
    `concat_ws(' ', format_type(t.typbasetype, t.typtypmod), CASE WHEN t.typnotnull THEN 'not null' END, 'default ' || t.typdefault, (SELECT string_agg(format('%I %s', k.conname, pg_get_constraintdef(k.oid)), ', ' ORDER BY k.conname) FROM pg_constraint AS k WHERE k.contypid = t.oid AND k.contype = 'c'))`,
    `pg_type AS t JOIN ${ofSchema('pg_type', 't', 'typnamespace')} WHERE t.typtype = 'd'`,
  ),
  object(
    'type',
    'r.full_name',
    `(SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped)`,
    `all_relations AS r WHERE r.relkind = 'c'`,
  ),
  object(
    'range',
    named('n.nspname', 't.typname'),
    `(SELECT format_type(g.rngsubtype, NULL) FROM pg_range AS g WHERE g.rngtypid = t.oid)`,
    `pg_type AS t JOIN ${ofSchema('pg_type', 't', 'typnamespace')} WHERE t.typtype = 'r'`,
  ),
  object(
    'extension',
    `format('%I', x.extname)`,
    `format('%s in %I', x.extversion, n.nspname)`,
    'pg_extension AS x JOIN pg_namespace AS n ON n.oid = x.extnamespace',
  ),
  object(
    'statistics',
    named('n.nspname', 's.stxname'),
    'pg_get_statisticsobjdef(s.oid)',
    `pg_statistic_ext AS s JOIN ${ofSchema('pg_statistic_ext', 's', 'stxnamespace')}`,
  ),
  object(
    'event trigger',
    `format('%I', v.evtname)`,
    `concat_ws(' ', v.evtevent, v.evtfoid::regproc, v.evtenabled, v.evttags::text)`,
    `pg_event_trigger AS v WHERE ${notOfExtension('pg_event_trigger', 'v.oid')}`,
  ),
  object(
    'publication',
    `format('%I', p.pubname)`,
    `concat_ws(' ', p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, (SELECT string_agg(format('%I.%I', b.schemaname, b.tablename), ', ' ORDER BY 1) FROM pg_publication_tables AS b WHERE b.pubname = p.pubname AND NOT p.puballtables))`,
    'pg_publication AS p',
  ),
  object(
    'comment on',
    `i.type || ' ' || i.identity`,
    'd.description',
    `pg_description AS d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS i
     WHERE (d.objoid >= 16384 OR d.classoid = 'pg_namespace'::regclass) AND d.classoid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass, 'pg_namespace'::regclass, 'pg_constraint'::regclass, 'pg_trigger'::regclass)
       AND EXISTS (SELECT 1 FROM pg_namespace AS n WHERE ${OURS} AND n.nspname = coalesce(i.schema, split_part(i.identity, '.', 1)))
       AND ${notOfExtension('pg_class', 'd.objoid')} AND ${notOfExtension('pg_proc', 'd.objoid')} AND ${notOfExtension('pg_type', 'd.objoid')}`,
  ),
  object(
    'privileges on',
    `'table ' || r.full_name`,
    `(SELECT string_agg(text, ', ' ORDER BY text) FROM (SELECT acl::text AS text FROM unnest(r.relacl) AS acl UNION ALL SELECT format('%I %s', a.attname, acl) FROM pg_attribute AS a, unnest(a.attacl) AS acl WHERE a.attrelid = r.oid) AS granted)`,
    `all_relations AS r WHERE r.relacl IS NOT NULL OR EXISTS (SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = r.oid AND a.attacl IS NOT NULL)`,
  ),
];

/** Tables and what hangs on them are read of `relations`, of which `all` has all that there are; other objects as `others` has them. */
export const schemaOf = (all: string, relations: string, others: readonly string[]): string => `
all_relations AS MATERIALIZED (${all}),
relations AS MATERIALIZED (${relations}),
others AS (${others.join('\nUNION ALL ')})
SELECT json_build_object('tables', (${TABLES}), 'indexes', (${INDEXES}), 'views', (${VIEWS}), 'triggers', (${TRIGGERS}),
  'objects', (SELECT json_agg(json_build_object('type', o.type, 'name', o.name, 'definition', coalesce(o.definition, '')) ORDER BY o.type, o.name) FROM others AS o))::text AS schema`;

/** Names are qualified, and texts are the server's own for an empty search path: they are the same for every session. */
export const SCHEMA = `WITH ${schemaOf(RELATIONS, 'SELECT * FROM all_relations', OTHERS)}`;
