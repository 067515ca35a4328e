// Whether a statement, by its own words, only adds: nothing that is there is changed, taken away, rewritten or called. In doubt it is not.
import type { ColumnDef, Constraint, InsertStmt, RangeVar, TypeName } from 'libpg-query';
import type { Node } from './parser.js';

export const onlyAdds = (node: Node): boolean => adds(node) && ('InsertStmt' in node || !isOfSession(node));

/** What is made in the schema of temporary objects is temporary, whatever it is. */
const isOfSession = (node: Node): boolean => JSON.stringify(node).includes('"pg_temp');

function adds(node: Node): boolean {
  if ('CreateStmt' in node) {
    const { relation, inhRelations = [], partbound } = node.CreateStmt;
    // A partition, or a child, is part of a table that is there.
    return isLasting(relation) && inhRelations.length === 0 && partbound === undefined;
  }
  if ('IndexStmt' in node) return node.IndexStmt.concurrent !== true;
  if ('ViewStmt' in node) return node.ViewStmt.replace !== true && isLasting(node.ViewStmt.view);
  if ('CreateSeqStmt' in node) return isLasting(node.CreateSeqStmt.sequence);
  if ('CreateFunctionStmt' in node) return node.CreateFunctionStmt.replace !== true;
  if ('CreateEnumStmt' in node || 'CompositeTypeStmt' in node || 'CreateRangeStmt' in node) return true;
  if ('CreateDomainStmt' in node || 'CreateStatsStmt' in node) return true;
  if ('CreateSchemaStmt' in node) return (node.CreateSchemaStmt.schemaElts ?? []).every(onlyAdds);
  if ('AlterTableStmt' in node) {
    const { objtype, cmds = [] } = node.AlterTableStmt;
    return objtype === 'OBJECT_TABLE' && cmds.length > 0 && cmds.every(addsPlainColumn);
  }
  return 'InsertStmt' in node && insertsConstants(node.InsertStmt);
}

/** Not of this session only: a temporary object stands in for others of its name. */
const isLasting = (relation: RangeVar | undefined): boolean => relation?.relpersistence !== 't';

/** A column that the server adds without reading or writing a row. */
function addsPlainColumn(node: Node): boolean {
  const command = 'AlterTableCmd' in node ? node.AlterTableCmd : undefined;
  if (command?.subtype !== 'AT_AddColumn' || command.def === undefined || !('ColumnDef' in command.def)) return false;
  const column = command.def.ColumnDef;
  const constraints = constraintsOf(column);
  if (constraints === undefined || !isBuiltIn(column.typeName)) return false;
  const fallback = constraints.find(({ contype }) => contype === 'CONSTR_DEFAULT')?.raw_expr;
  const isRequired = constraints.some(({ contype }) => contype === 'CONSTR_NOTNULL');
  if (fallback === undefined) return !isRequired;
  return isConstant(fallback) && !(isRequired && isNull(fallback));
}

/** NULL, NOT NULL and DEFAULT; undefined where there are others, which read the rows. */
function constraintsOf({ constraints = [] }: ColumnDef): readonly Constraint[] | undefined {
  const all = constraints.flatMap((one) => ('Constraint' in one ? [one.Constraint] : []));
  const known = all.filter(({ contype }) => contype !== undefined && PLAIN.has(contype));
  return known.length === constraints.length ? known : undefined;
}
const PLAIN: ReadonlySet<string> = new Set(['CONSTR_NULL', 'CONSTR_NOTNULL', 'CONSTR_DEFAULT']);

/** A domain may have a check, and `serial` a sequence: every row is then written. */
function isBuiltIn(type: TypeName | undefined): boolean {
  const names = (type?.names ?? []).flatMap((part) => ('String' in part ? [part.String.sval ?? ''] : []));
  if (type?.setof === true || type?.pct_type === true) return false;
  return names.length === 2 ? names[0] === 'pg_catalog' : names.length === 1 && BUILT_IN.has(names[0] ?? '');
}
// Those that the grammar has no word for; all others come with their schema.
const BUILT_IN: ReadonlySet<string> = new Set(
  'text bytea uuid json jsonb date timestamptz timetz inet cidr macaddr macaddr8 xml money tsvector tsquery oid int2 int4 int8 float4 float8 bool bpchar varchar numeric point line lseg box path polygon circle int4range int8range numrange daterange tsrange tstzrange jsonpath pg_lsn'.split(
    ' ',
  ),
);

/** INSERT … VALUES of constants, which call nothing. */
function insertsConstants({ relation, selectStmt, onConflictClause, withClause }: InsertStmt): boolean {
  // Rows of the catalogs are the schema.
  const names = [relation?.schemaname, relation?.relname];
  if (withClause !== undefined || names.some((name) => name?.startsWith('pg_') === true)) return false;
  if (onConflictClause !== undefined && onConflictClause.action !== 'ONCONFLICT_NOTHING') return false;
  if (selectStmt === undefined) return true;
  const rows = 'SelectStmt' in selectStmt ? (selectStmt.SelectStmt.valuesLists ?? []) : [];
  return (
    rows.length > 0 && rows.every((row) => 'List' in row && (row.List.items ?? []).every((value) => isConstant(value)))
  );
}

function isConstant(node: Node): boolean {
  if ('A_Const' in node || 'SetToDefault' in node || 'SQLValueFunction' in node) return true;
  if ('TypeCast' in node) {
    const { arg, typeName } = node.TypeCast;
    // The input function of a type of somebody's own is a function as any other.
    return arg !== undefined && isBuiltIn(typeName) && isConstant(arg);
  }
  if ('A_ArrayExpr' in node) return (node.A_ArrayExpr.elements ?? []).every(isConstant);
  return false;
}

const isNull = (node: Node): boolean =>
  ('A_Const' in node && node.A_Const.isnull === true) ||
  ('TypeCast' in node && node.TypeCast.arg !== undefined && isNull(node.TypeCast.arg));
