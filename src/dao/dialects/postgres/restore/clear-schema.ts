// Empties schemas that have to stay, for an extension that lives in them: everything in them goes but what is the extension's.

/** An object of a catalog that is nobody's part: not an extension's, not one that another object brings with it. */
const lone = (catalog: string, oid: string): string => `NOT EXISTS (SELECT 1 FROM pg_depend AS e
  WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype IN ('e', 'i'))`;

interface Kind {
  readonly what: string;
  readonly from: string;
  readonly space: string;
  readonly name: string;
  readonly catalog: string;
  readonly where?: string;
}

const relations = (what: string, relkinds: string): Kind => ({
  what,
  from: 'pg_class AS o',
  space: 'o.relnamespace',
  name: `format('%I.%I', n.nspname, o.relname)`,
  catalog: 'pg_class',
  where: `o.relkind IN (${relkinds})`,
});
const named = (what: string, catalog: string, prefix: string, where?: string): Kind => ({
  what,
  from: `${catalog} AS o`,
  space: `o.${prefix}namespace`,
  name: `format('%I.%I', n.nspname, o.${prefix}name)`,
  catalog,
  ...(where === undefined ? {} : { where }),
});
const ofAccessMethod = (what: string, catalog: string, prefix: string): Kind => ({
  ...named(what, catalog, prefix),
  from: `${catalog} AS o JOIN pg_am AS a ON a.oid = o.${prefix}method`,
  name: `format('%I.%I USING %I', n.nspname, o.${prefix}name, a.amname)`,
});

/** In the order in which they go; each takes with it what hangs on it. */
const KINDS: readonly Kind[] = [
  relations('MATERIALIZED VIEW', `'m'`),
  relations('VIEW', `'v'`),
  relations('TABLE', `'r', 'p'`),
  relations('FOREIGN TABLE', `'f'`),
  relations('SEQUENCE', `'S'`),
  { ...named('ROUTINE', 'pg_proc', 'pro'), name: 'o.oid::regprocedure::text' },
  { ...named('OPERATOR', 'pg_operator', 'opr'), name: 'o.oid::regoperator::text' },
  ofAccessMethod('OPERATOR CLASS', 'pg_opclass', 'opc'),
  ofAccessMethod('OPERATOR FAMILY', 'pg_opfamily', 'opf'),
  named('DOMAIN', 'pg_type', 'typ', `o.typtype = 'd'`),
  named(
    'TYPE',
    'pg_type',
    'typ',
    `o.typtype <> 'd' AND (o.typrelid = 0 OR EXISTS (SELECT 1 FROM pg_class AS c WHERE c.oid = o.typrelid AND c.relkind = 'c'))`,
  ),
  named('CONVERSION', 'pg_conversion', 'con'),
  named('TEXT SEARCH CONFIGURATION', 'pg_ts_config', 'cfg'),
  named('TEXT SEARCH DICTIONARY', 'pg_ts_dict', 'dict'),
  named('TEXT SEARCH PARSER', 'pg_ts_parser', 'prs'),
  named('TEXT SEARCH TEMPLATE', 'pg_ts_template', 'tmpl'),
  { ...named('STATISTICS', 'pg_statistic_ext', 'stx') },
  named('COLLATION', 'pg_collation', 'coll'),
];
/** These are dropped one by one: the statement takes no more. */
const ONE_BY_ONE = new Set(['OPERATOR CLASS', 'OPERATOR FAMILY', 'CONVERSION', 'COLLATION']);
const isSingle = (what: string): boolean => ONE_BY_ONE.has(what) || what.startsWith('TEXT SEARCH');

/** Rows `(turn, statement)`; `schemas` is the text of an array of names. */
export const emptyingSchemas = (schemas: string, turn: number): string =>
  [
    ...KINDS.map(({ what, from, space, name, catalog, where = 'true' }, at) => {
      const statement = isSingle(what)
        ? `format('DROP ${what} IF EXISTS %s CASCADE', ${name})`
        : `format('DROP ${what} IF EXISTS %s CASCADE', string_agg(${name}, ', '))`;
      return `SELECT ${turn} + ${at} / 100.0, ${statement} FROM ${from} JOIN pg_namespace AS n ON n.oid = ${space}
        WHERE n.nspname = ANY (${schemas}) AND ${where} AND ${lone(catalog, 'o.oid')}${isSingle(what) ? '' : ' HAVING count(*) > 0'}`;
    }),
    `SELECT ${turn}.9, format('REVOKE ALL ON SCHEMA %I FROM %s', n.nspname, ${grantees('n.nspacl', 'n.nspowner')})
     FROM pg_namespace AS n WHERE n.nspname = ANY (${schemas}) AND pg_has_role(n.nspowner, 'USAGE')
       AND ${grantees('n.nspacl', 'n.nspowner')} IS NOT NULL AND ${lone('pg_namespace', 'n.oid')}`,
    `SELECT ${turn}.95, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I REVOKE ALL ON %s FROM %s', r.rolname, n.nspname,
       k.words, ${grantees('d.defaclacl')})
     FROM pg_default_acl AS d JOIN pg_roles AS r ON r.oid = d.defaclrole JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
     JOIN (VALUES ('r', 'TABLES'), ('S', 'SEQUENCES'), ('f', 'FUNCTIONS'), ('T', 'TYPES')) AS k (letter, words)
       ON k.letter = d.defaclobjtype::text WHERE n.nspname = ANY (${schemas}) AND cardinality(d.defaclacl) > 0`,
  ].join('\nUNION ALL ');

/** Who has a right by an access list, besides its owner where one is named; NULL for nobody. */
const grantees = (list: string, owner = ''): string => `(SELECT string_agg(DISTINCT
  CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(g.rolname) END, ', ')
  FROM aclexplode(${list}) AS acl LEFT JOIN pg_roles AS g ON g.oid = acl.grantee ${owner === '' ? '' : `WHERE acl.grantee <> ${owner}`})`;
