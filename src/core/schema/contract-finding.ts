// What of a program's declarations would not work on a schema: facts, the words for them, and which of them are new.

interface OnTable {
  readonly table: string;
  /** The class that works on it, where that is known. */
  readonly dao?: string;
}
interface OnColumn extends OnTable {
  readonly column: string;
}

/** Something that the program declares and that would not work on this schema. */
export type ContractFinding =
  | ({ readonly problem: 'missing-table' } & OnTable)
  /** A view or a virtual table; the database's own words. */
  | ({ readonly problem: 'unreadable'; readonly reason: string } & OnTable)
  /** `may-be-null`: a read could meet it. `not-null`: a write of null would fail. `never-written`: every insert would. */
  | ({
      readonly problem:
        | 'missing-column'
        | 'may-be-null'
        | 'not-null'
        | 'no-default'
        | 'never-written'
        | 'computed'
        | 'not-computed';
    } & OnColumn)
  | ({ readonly problem: 'wrong-type'; readonly declared: string; readonly type: string } & OnColumn)
  | ({ readonly problem: 'key-not-unique'; readonly columns: readonly string[] } & OnTable)
  | { readonly problem: 'query'; readonly query: string; readonly reason: string };

export function describeContractFinding(finding: ContractFinding): string {
  if (finding.problem === 'query')
    return `query ${JSON.stringify(finding.query)} cannot be prepared: ${finding.reason}`;
  const { table, dao } = finding;
  const who = dao ?? `what works on ${table}`;
  switch (finding.problem) {
    case 'missing-table':
      return dao === undefined ? `there is no table ${table}` : `${dao} works on table ${table}, which is not there`;
    case 'unreadable':
      return `${who} cannot read ${table}: ${finding.reason}`;
    case 'key-not-unique':
      return `${who} finds a row of ${table} by ${finding.columns.join(', ')}, which nothing keeps unique`;
    default:
      return `${who} ${ofColumn(finding, `${table}.${finding.column}`)}`;
  }
}

function ofColumn(finding: Extract<ContractFinding, OnColumn>, column: string): string {
  switch (finding.problem) {
    case 'missing-column':
      return `uses column ${column}, which is not there`;
    case 'wrong-type':
      return `keeps ${PLURAL[finding.declared] ?? finding.declared} in ${column}, which is of type ${finding.type || '(none)'}`;
    case 'may-be-null':
      return `expects a value in ${column}, which may be NULL`;
    case 'not-null':
      return `may write NULL to ${column}, which is NOT NULL`;
    case 'no-default':
      return `leaves ${column} to its default, which it does not have`;
    case 'never-written':
      return `does not know ${column}, which is NOT NULL without a default: its inserts would fail`;
    case 'computed':
      return `writes ${column}, which the database computes`;
    case 'not-computed':
      return `leaves ${column} to the database, which does not compute it`;
  }
}

const PLURAL: Readonly<Record<string, string>> = {
  integer: 'integers',
  real: 'numbers with a fraction',
  boolean: 'booleans',
  bigint: '64-bit integers',
  instant: 'points in time',
  decimal: 'decimals',
  json: 'JSON',
};

/** What the finding is about; two of them on one column are about the same. */
function placeOf(finding: ContractFinding): string {
  if (finding.problem === 'query') return JSON.stringify(['query', finding.query]);
  const { table } = finding;
  return JSON.stringify(
    'column' in finding ? [table, finding.column] : 'columns' in finding ? [table, 'key', 'key'] : [table],
  );
}

/** Findings about what was in order before: a table that was not there has no columns yet that could be spoilt. */
export function newFindings(
  before: readonly ContractFinding[],
  after: readonly ContractFinding[],
): readonly ContractFinding[] {
  const broken = new Set(before.map(placeOf));
  return after.filter((finding) => {
    if (broken.has(placeOf(finding))) return false;
    return finding.problem === 'query' || !broken.has(JSON.stringify([finding.table]));
  });
}
