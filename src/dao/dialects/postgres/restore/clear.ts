// Empties a database of everything but the engine's own schemas, in the transaction that is open.
import type { ResultAsync } from 'neverthrow';
import type { Session, SqlError } from '../../../../core/ports/session.js';
import { emptyingSchemas } from './clear-schema.js';
import { KEPT_SCHEMAS } from './contents.js';
import { quoted } from '../name.js';
import { emptyingConfig, type KeptExtensions } from './kept-extensions.js';
import { textLiteral } from './literal.js';

const KEPT = KEPT_SCHEMAS.map((schema) => `'${schema}'`).join(', ');
/** Schemas that go: not the system's, not the engine's. */
export const DOOMED = `n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname NOT IN (${KEPT})`;
/** Numbers below were given out when the cluster was made. */
const FIRST_OWN = 16_384;
const own = (catalog: string, alias: string): string =>
  `${alias}.oid >= ${FIRST_OWN} AND NOT EXISTS (SELECT 1 FROM pg_depend AS e
     WHERE e.classid = '${catalog}'::regclass AND e.objid = ${alias}.oid AND e.deptype IN ('e', 'i'))`;

/** What an object of each kind of default privileges is called, and what everybody has of it to begin with. */
const DEFAULTS = `
  SELECT r.rolname, d.defaclacl, kinds.words, kinds.everybody
  FROM pg_default_acl AS d JOIN pg_roles AS r ON r.oid = d.defaclrole
  JOIN (VALUES ('r', 'TABLES', NULL), ('S', 'SEQUENCES', NULL), ('f', 'FUNCTIONS', 'EXECUTE'), ('T', 'TYPES', 'USAGE'),
    ('n', 'SCHEMAS', NULL), ('L', 'LARGE OBJECTS', NULL)) AS kinds (letter, words, everybody) ON kinds.letter = d.defaclobjtype::text
  WHERE d.defaclnamespace = 0`;

/**
 * One statement per row, in order: first what reacts to the rest, last what the rest hangs on. Extensions that the schemas
 * take with them are asked for all the same. Default privileges of the whole database would be given to what is restored.
 */
const statements = (extensions: string, schemas: string): string => `
  SELECT statement FROM (
    SELECT 1 AS turn, format('DROP EVENT TRIGGER %I', t.evtname) AS statement
    FROM pg_event_trigger AS t WHERE ${own('pg_event_trigger', 't')}
    UNION ALL SELECT 2, format('DROP PUBLICATION %I', p.pubname) FROM pg_publication AS p
    UNION ALL SELECT 3, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE ALL ON %s FROM %s', d.rolname, d.words,
      (SELECT string_agg(DISTINCT CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(g.rolname) END, ', ')
       FROM aclexplode(d.defaclacl) AS acl LEFT JOIN pg_roles AS g ON g.oid = acl.grantee))
    FROM (${DEFAULTS}) AS d WHERE cardinality(d.defaclacl) > 0
    UNION ALL SELECT 4, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT ALL ON %s TO %I', d.rolname, d.words, d.rolname)
    FROM (${DEFAULTS}) AS d
    UNION ALL SELECT 4, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT %s ON %s TO PUBLIC', d.rolname, d.everybody, d.words)
    FROM (${DEFAULTS}) AS d WHERE d.everybody IS NOT NULL
    UNION ALL SELECT 5, format('DROP CAST IF EXISTS (%s AS %s) CASCADE', format_type(c.castsource, NULL), format_type(c.casttarget, NULL))
    FROM pg_cast AS c WHERE ${own('pg_cast', 'c')}
    UNION ALL SELECT 6, format('DROP TRANSFORM IF EXISTS FOR %s LANGUAGE %I CASCADE', format_type(t.trftype, NULL), l.lanname)
    FROM pg_transform AS t JOIN pg_language AS l ON l.oid = t.trflang WHERE ${own('pg_transform', 't')}
    UNION ALL SELECT 7, format('DROP SCHEMA %s CASCADE', string_agg(quote_ident(n.nspname), ', '))
    FROM pg_namespace AS n WHERE ${DOOMED} AND n.nspname <> ALL (${schemas}) HAVING count(*) > 0
    UNION ALL ${emptyingSchemas(schemas, 6)}
    UNION ALL SELECT 8, format('DROP EXTENSION IF EXISTS %s CASCADE', string_agg(quote_ident(x.extname), ', '))
    FROM pg_extension AS x WHERE x.extname <> 'plpgsql' AND x.extname <> ALL (${extensions}) HAVING count(*) > 0
    UNION ALL SELECT 8.5, format('DROP SERVER IF EXISTS %I CASCADE', s.srvname) FROM pg_foreign_server AS s
    WHERE cardinality(${extensions}) > 0 AND ${own('pg_foreign_server', 's')}
    UNION ALL SELECT 9, format('DROP FOREIGN DATA WRAPPER IF EXISTS %I CASCADE', f.fdwname)
    FROM pg_foreign_data_wrapper AS f WHERE ${own('pg_foreign_data_wrapper', 'f')}
    UNION ALL SELECT 10, format('DROP LANGUAGE IF EXISTS %I CASCADE', l.lanname) FROM pg_language AS l WHERE ${own('pg_language', 'l')}
    UNION ALL SELECT 11, format('DROP ACCESS METHOD IF EXISTS %I CASCADE', a.amname) FROM pg_am AS a WHERE ${own('pg_am', 'a')}
    UNION ALL SELECT 12, 'SELECT count(pg_catalog.lo_unlink(oid)) FROM pg_catalog.pg_largeobject_metadata'
    WHERE EXISTS (SELECT 1 FROM pg_largeobject_metadata)
  ) AS statements ORDER BY turn, statement`;

/** Servers that hang on a wrapper which stays, as an extension's in a schema of the system's, go by themselves. */
export const clearing = (
  session: Session,
  kept: KeptExtensions,
  serverVersion: number,
): ResultAsync<readonly string[], SqlError> =>
  session
    .all<{ statement: string }>(statements(arrayOf(kept.names), arrayOf(kept.schemas.map(({ name }) => name))))
    .map((rows) => [
      ...rows.map(({ statement }) => statement),
      ...resetting(kept, serverVersion),
      ...emptyingConfig(kept),
    ]);

/** A schema that stays gets back what it was made with; what the archive says of it besides comes with the archive. */
const resetting = ({ schemas }: KeptExtensions, serverVersion: number): readonly string[] =>
  schemas
    .filter(({ own }) => own)
    .flatMap(({ name }) =>
      name === 'public' ? makePublic(serverVersion).slice(1) : [`COMMENT ON SCHEMA ${quoted(name)} IS NULL`],
    );

const arrayOf = (names: readonly string[]): string => `ARRAY[${names.map(textLiteral).join(', ')}]::name[]`;

/** As `initdb` makes it; what the archive says of it besides comes with the archive. */
export const makePublic = (serverVersion: number): readonly string[] => [
  ...(serverVersion >= 150_000
    ? ['CREATE SCHEMA public AUTHORIZATION pg_database_owner', 'GRANT USAGE ON SCHEMA public TO PUBLIC']
    : ['CREATE SCHEMA public', 'GRANT ALL ON SCHEMA public TO PUBLIC']),
  `COMMENT ON SCHEMA public IS 'standard public schema'`,
];

/** The locks that emptying takes: one per object that goes. */
export const LOCKS_TO_CLEAR = `
  SELECT (SELECT count(*) FROM pg_class) + (SELECT count(*) FROM pg_type) + (SELECT count(*) FROM pg_constraint)
       + (SELECT count(*) FROM pg_attrdef) + (SELECT count(*) FROM pg_trigger) + (SELECT count(*) FROM pg_proc)
       + (SELECT count(*) FROM pg_largeobject_metadata)
       - (SELECT count(*) FROM pg_class WHERE oid < ${FIRST_OWN}) - (SELECT count(*) FROM pg_type WHERE oid < ${FIRST_OWN})
       - (SELECT count(*) FROM pg_proc WHERE oid < ${FIRST_OWN}) AS locks`;
