// Facts about one statement, read off its tokens: what the step runner must know before it lets SQLite run it.
import { controlOf, type StatementControl } from './control.js';
import { RESERVED_WORDS } from './keywords.js';
import { asciiLower, keywordOf, significant, tokenize, unquote, type Token } from './token.js';

export { countStatements } from './split.js';

/** An object that a statement creates or drops: its name as written, unquoted, without the schema. */
export interface NamedObject {
  readonly type: 'table' | 'index' | 'view' | 'trigger';
  readonly name: string;
}

/** What one statement is about; an EXPLAIN changes nothing, so it creates, drops and steers nothing (but see `pragma`). */
export interface StatementFacts {
  /** The first keyword in upper case, after EXPLAIN and WITH: INSERT, REPLACE, SELECT, CREATE …; '' if there is none. */
  readonly verb: string;
  readonly control: StatementControl | undefined;
  readonly drops: readonly NamedObject[];
  /** A virtual table is a table; a temporary object is told from others by nothing here. */
  readonly creates: readonly NamedObject[];
  /** CREATE, DROP, ALTER, or a write into SQLite's schema table itself. */
  readonly isSchemaChange: boolean;
  /** `ALTER TABLE … ADD …`: it writes to the schema and to no row. https://sqlite.org/lang_altertable.html#altertabaddcol */
  readonly addsColumn: boolean;
  /**
   * By its own words it only adds: an object in the file, a column, rows. What a table's triggers do beyond that is not
   * in its words; a word too many (a column that is called `or`) makes it count as one that changes something.
   */
  readonly onlyAdds: boolean;
  /** The table of an INSERT that only adds: as written, unquoted, in no other schema than `main`. */
  readonly insertsInto?: string;
  /** The pragma's name in lower case; `sets` unless it only asks. EXPLAIN PRAGMA counts: SQLite runs some while it compiles. */
  readonly pragma?: { readonly name: string; readonly sets: boolean };
}

/** Facts about the first statement in `sql`. */
export const statementFacts = (sql: string): StatementFacts => factsOf(significant(sql));

/** The same of tokens without blanks and comments. */
export function factsOf(all: readonly Token[]): StatementFacts {
  const tokens = all.slice(all.findIndex((token) => token.text !== ';'));
  const explained = keywordOf(tokens[0]) === 'EXPLAIN';
  const body = fromVerb(explained ? afterExplain(tokens) : tokens);
  const verb = keywordOf(body[0]);
  const pragma = verb === 'PRAGMA' ? pragmaOf(body) : undefined;
  const object = explained ? undefined : objectOf(body);
  const isSchemaChange = !explained && (SCHEMA_VERBS.has(verb) || writesSchemaTable(body));
  const addsColumn = !explained && verb === 'ALTER' && isAddColumn(body);
  const plainInsert = !explained && !isSchemaChange && isPlainInsert(tokens, verb);
  const insertsInto = plainInsert ? mainTableAt(body, 2) : undefined;
  return {
    verb,
    control: explained && !pragma ? undefined : controlOf(body),
    drops: object && verb === 'DROP' ? [object] : [],
    creates: object && verb === 'CREATE' ? [object] : [],
    isSchemaChange,
    addsColumn,
    onlyAdds: plainInsert || addsColumn || (!explained && isPlainCreate(body)),
    ...(insertsInto !== undefined && { insertsInto }),
    ...(pragma && { pragma }),
  };
}

/**
 * Every name in `sql` that could be a table's, unquoted, in the order and spelling of its first use, once whatever its
 * case: a superset, with columns, functions and strings (SQLite takes `DELETE FROM 'orders'`), without reserved words.
 */
export function namesIn(sql: string): readonly string[] {
  const names = new Map<string, string>();
  for (const token of tokenize(sql)) {
    if (!isName(token)) continue;
    const name = unquote(token);
    const key = asciiLower(name);
    if (!names.has(key)) names.set(key, name);
  }
  return [...names.values()];
}

function isAddColumn(tokens: readonly Token[]): boolean {
  if (keywordOf(tokens[1]) !== 'TABLE') return false;
  return keywordOf(tokens[tokens[3]?.text === '.' ? 5 : 3]) === 'ADD';
}

const NOT_IN_THE_FILE: ReadonlySet<string> = new Set(['TEMP', 'TEMPORARY', 'VIRTUAL']);
const isPlainCreate = (tokens: readonly Token[]): boolean =>
  keywordOf(tokens[0]) === 'CREATE' && !NOT_IN_THE_FILE.has(keywordOf(tokens[1])) && !tokens.some(isTemp);

/** The name of the schema whose objects are this connection's only, and stand in for others of their names. */
const isTemp = (token: Token, at: number, all: readonly Token[]): boolean =>
  all[at + 1]?.text === '.' && isName(token) && asciiLower(unquote(token)) === 'temp';

const REPLACING: ReadonlySet<string> = new Set(['REPLACE', 'UPDATE', 'OR', 'RETURNING']);
const isPlainInsert = (tokens: readonly Token[], verb: string): boolean =>
  verb === 'INSERT' && !tokens.some((token) => REPLACING.has(keywordOf(token)));

const SCHEMA_VERBS: ReadonlySet<string> = new Set(['CREATE', 'DROP', 'ALTER']);

function isName(token: Token): boolean {
  if (token.kind === 'word') return !RESERVED_WORDS.has(keywordOf(token));
  return token.kind === 'quoted' || token.kind === 'string';
}

function afterExplain(tokens: readonly Token[]): readonly Token[] {
  return tokens.slice(keywordOf(tokens[1]) === 'QUERY' && keywordOf(tokens[2]) === 'PLAN' ? 3 : 1);
}

const VERBS_AFTER_WITH: ReadonlySet<string> = new Set(['SELECT', 'VALUES', 'INSERT', 'REPLACE', 'UPDATE', 'DELETE']);

// The verb follows the parenthesis that closes the last common table expression; a name (`WITH replace AS …`) does not.
function fromVerb(tokens: readonly Token[]): readonly Token[] {
  if (keywordOf(tokens[0]) !== 'WITH') return tokens;
  let depth = 0;
  const at = tokens.findIndex((token, index) => {
    if (token.kind === 'operator' && token.text === '(') depth += 1;
    if (token.kind === 'operator' && token.text === ')') depth -= 1;
    return depth === 0 && tokens[index - 1]?.text === ')' && VERBS_AFTER_WITH.has(keywordOf(token));
  });
  return at < 0 ? tokens : tokens.slice(at);
}

const BEFORE_TYPE: ReadonlySet<string> = new Set(['TEMP', 'TEMPORARY', 'UNIQUE', 'VIRTUAL']);
const OBJECT_TYPES: ReadonlyMap<string, NamedObject['type']> = new Map([
  ['TABLE', 'table'],
  ['INDEX', 'index'],
  ['VIEW', 'view'],
  ['TRIGGER', 'trigger'],
]);

function objectOf(tokens: readonly Token[]): NamedObject | undefined {
  let at = BEFORE_TYPE.has(keywordOf(tokens[1])) ? 2 : 1;
  const type = OBJECT_TYPES.get(keywordOf(tokens[at]));
  if (!type) return undefined;
  at += 1;
  // A table may be called `if`, so the words after it decide.
  const condition = [0, 1, 2].map((ahead) => keywordOf(tokens[at + ahead])).join(' ');
  if (condition === 'IF NOT EXISTS') at += 3;
  else if (condition.startsWith('IF EXISTS ')) at += 2;
  const name = nameAt(tokens, at);
  return name ? { type, name: unquote(name.token) } : undefined;
}

/** The name at `at`, past its schema (`main.orders`), and where it stands. */
function nameAt(tokens: readonly Token[], at: number): { readonly token: Token; readonly at: number } | undefined {
  const own = tokens[at + 1]?.text === '.' ? at + 2 : at;
  const token = tokens[own];
  return token && (token.kind === 'word' || token.kind === 'quoted' || token.kind === 'string')
    ? { token, at: own }
    : undefined;
}

function mainTableAt(tokens: readonly Token[], at: number): string | undefined {
  const name = nameAt(tokens, at);
  if (!name) return undefined;
  const [schema] = name.at > at ? tokens.slice(at) : [];
  return schema && asciiLower(unquote(schema)) !== 'main' ? undefined : unquote(name.token);
}

const SCHEMA_TABLES: ReadonlySet<string> = new Set([
  'sqlite_schema',
  'sqlite_master',
  'sqlite_temp_schema',
  'sqlite_temp_master',
]);

function writesSchemaTable(tokens: readonly Token[]): boolean {
  const at = writtenNameAt(tokens);
  const name = at === undefined ? undefined : nameAt(tokens, at);
  return name !== undefined && SCHEMA_TABLES.has(asciiLower(unquote(name.token)));
}

function writtenNameAt(tokens: readonly Token[]): number | undefined {
  const afterConflict = keywordOf(tokens[1]) === 'OR' ? 3 : 1;
  switch (keywordOf(tokens[0])) {
    case 'UPDATE':
      return afterConflict;
    case 'INSERT':
    case 'REPLACE':
      return afterConflict + 1;
    case 'DELETE':
      return 2;
    default:
      return undefined;
  }
}

// Pragmas whose argument says what is asked about (https://sqlite.org/pragma.html).
const ASKING_PRAGMAS: ReadonlySet<string> = new Set([
  'foreign_key_check',
  'foreign_key_list',
  'index_info',
  'index_list',
  'index_xinfo',
  'integrity_check',
  'quick_check',
  'table_info',
  'table_list',
  'table_xinfo',
]);

function pragmaOf(tokens: readonly Token[]): { readonly name: string; readonly sets: boolean } | undefined {
  const found = nameAt(tokens, 1);
  if (!found) return undefined;
  const name = asciiLower(unquote(found.token));
  const next = tokens[found.at + 1]?.text;
  return { name, sets: (next === '=' || next === '(') && !ASKING_PRAGMAS.has(name) };
}
