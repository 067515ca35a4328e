// Extensions that the one who restores could not make again: they stay, with the schemas they live in and what is theirs.
import type { ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { sqlName, type QualifiedName } from '../name.js';

/** A table of an extension whose rows of the user's are in an archive; `condition` tells them from the extension's own. */
export interface ConfigTable extends QualifiedName {
  readonly kind: 'TABLE' | 'SEQUENCE';
  readonly condition: string;
  /** Whether this role may empty and fill it. */
  readonly writable: boolean;
}

export interface KeptSchema {
  readonly name: string;
  /** Whether its rights and its comment are this role's to set. */
  readonly own: boolean;
}

export interface KeptExtensions {
  readonly names: readonly string[];
  readonly schemas: readonly KeptSchema[];
  /** Their objects, as an archive names those that it grants rights of: `TABLE t`, `FUNCTION f(integer)`. */
  readonly members: readonly { readonly schema: string; readonly tag: string }[];
  readonly config: readonly ConfigTable[];
}

export const NONE_KEPT: KeptExtensions = { names: [], schemas: [], members: [], config: [] };

/** Whether a role can make an extension of this name and version: its own right, or one that the extension lends to who may create here. */
const creatable = (serverVersion: number, alias: string): string =>
  serverVersion >= 130_000 ? `(${alias}.trusted OR NOT ${alias}.superuser)` : `NOT ${alias}.superuser`;

/** True of the extension of this name where the one who asks may create it. */
export const canCreate = (serverVersion: number, name: string): string => `
  ((SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
   OR coalesce((SELECT ${creatable(serverVersion, 'v')} FROM pg_available_extensions AS a
     JOIN pg_available_extension_versions AS v ON v.name = a.name AND v.version = a.default_version
     WHERE a.name = ${name}), false))`;

/** What a kept extension needs stays with it. */
const keptQuery = (serverVersion: number): string => `
  WITH RECURSIVE kept (oid) AS (
    SELECT x.oid FROM pg_extension AS x WHERE x.extname <> 'plpgsql'
      AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
      AND NOT (${canCreate(serverVersion, 'x.extname')} AND pg_has_role(x.extowner, 'MEMBER'))
    UNION SELECT d.refobjid FROM kept AS k JOIN pg_depend AS d ON d.objid = k.oid AND d.deptype = 'n'
      AND d.classid = 'pg_extension'::regclass AND d.refclassid = 'pg_extension'::regclass
  ),
  member AS (
    SELECT d.classid, d.objid FROM kept AS k
    JOIN pg_depend AS d ON d.refobjid = k.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  ),
  named AS (
    SELECT c.relnamespace AS space, CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || quote_ident(c.relname) AS tag
    FROM member AS m JOIN pg_class AS c ON c.oid = m.objid WHERE m.classid = 'pg_class'::regclass
    UNION ALL SELECT p.pronamespace, CASE p.prokind WHEN 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END || quote_ident(p.proname) || '('
      || coalesce((SELECT string_agg(format_type(t.type, NULL), ', ' ORDER BY t.at)
          FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t (type, at)), '') || ')'
    FROM member AS m JOIN pg_proc AS p ON p.oid = m.objid WHERE m.classid = 'pg_proc'::regclass
    UNION ALL SELECT t.typnamespace, 'TYPE ' || quote_ident(t.typname)
    FROM member AS m JOIN pg_type AS t ON t.oid = m.objid WHERE m.classid = 'pg_type'::regclass
  ),
  space (oid) AS (
    SELECT x.extnamespace FROM kept AS k JOIN pg_extension AS x ON x.oid = k.oid
    UNION SELECT m.objid FROM member AS m WHERE m.classid = 'pg_namespace'::regclass
    UNION SELECT n.space FROM named AS n
  )
  SELECT
    (SELECT coalesce(json_agg(x.extname), '[]') FROM kept AS k JOIN pg_extension AS x ON x.oid = k.oid) AS names,
    (SELECT coalesce(json_agg(json_build_object('name', n.nspname, 'own', pg_has_role(n.nspowner, 'USAGE')
        AND NOT EXISTS (SELECT 1 FROM member AS m WHERE m.classid = 'pg_namespace'::regclass AND m.objid = n.oid))), '[]')
     FROM space AS s JOIN pg_namespace AS n ON n.oid = s.oid WHERE n.nspname !~ '^pg_') AS schemas,
    (SELECT coalesce(json_agg(o), '[]') FROM (
       SELECT n.nspname AS schema, o.tag FROM named AS o JOIN pg_namespace AS n ON n.oid = o.space
       UNION ALL SELECT '', 'FOREIGN DATA WRAPPER ' || quote_ident(f.fdwname)
       FROM member AS m JOIN pg_foreign_data_wrapper AS f ON f.oid = m.objid WHERE m.classid = 'pg_foreign_data_wrapper'::regclass
       UNION ALL SELECT '', 'LANGUAGE ' || quote_ident(l.lanname)
       FROM member AS m JOIN pg_language AS l ON l.oid = m.objid WHERE m.classid = 'pg_language'::regclass) AS o) AS members,
    (SELECT coalesce(json_agg(json_build_object('schema', n.nspname, 'name', c.relname,
        'kind', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, 'condition', coalesce(f.condition, ''),
        'writable', CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'UPDATE')
          ELSE has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'DELETE') AND has_table_privilege(c.oid, 'SELECT') END)), '[]')
     FROM kept AS k JOIN pg_extension AS x ON x.oid = k.oid
     CROSS JOIN LATERAL unnest(x.extconfig, x.extcondition) AS f (class, condition)
     JOIN pg_class AS c ON c.oid = f.class JOIN pg_namespace AS n ON n.oid = c.relnamespace) AS config`;

export const keptExtensions = (session: Session, serverVersion: number): ResultAsync<KeptExtensions, SqlError> =>
  session.all<KeptExtensions>(keptQuery(serverVersion)).map(([found]) => found ?? NONE_KEPT);

/** Away with the user's rows of the tables that stay: those of the archive come in their place. */
export const emptyingConfig = ({ config }: KeptExtensions): readonly string[] =>
  config
    .filter(({ kind, writable }) => kind === 'TABLE' && writable)
    .map((table) => `DELETE FROM ONLY ${sqlName(table)} ${table.condition}`);
