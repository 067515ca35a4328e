// What the words of one statement say about it: enough to know what to look at, never enough to know what it did.
import type { Result } from 'neverthrow';
import type { QueryResult } from 'pg';
import type { ScriptError, ScriptStatement, SetColumns } from '../../../../core/ports/script-splitter.js';
import type { ForeignRow } from '../connection.js';
import { controlByWords } from '../sql/classify-statement.js';
import { splitStatements, type SplitStatement } from '../sql/split.js';
import { isTrivia, keywordOf, tokenize, type Token } from '../sql/token.js';

/** What a statement adds by its words: rows, an index, or another relation, or a column. */
export type Adds = 'rows' | 'index' | 'relation';

export type StatementResult = QueryResult<ForeignRow>;

/** What a statement asks of savepoints; a name is as the server folds it. */
export type SavepointControl =
  | { readonly kind: 'set' | 'release' | 'back'; readonly name: string }
  | { readonly kind: 'none' | 'unknown' };

export interface StatementFacts {
  readonly sql: string;
  /** First keyword, in upper case. */
  readonly verb: string;
  /** The keyword with which it would begin or end the transaction. */
  readonly transaction: string | undefined;
  readonly savepoint: SavepointControl;
  /** It changes rows at most, by its words; functions and triggers may do more. */
  readonly isPlain: boolean;
  /** A question that calls a function which may be somebody's own: what it does is not in its words. */
  readonly calls: boolean;
  /** An UPDATE and nothing else that changes rows: what it takes out of one partition, it puts into another. */
  readonly onlyUpdates: boolean;
  /** It only adds to the schema, by its words, or takes away what it names: nothing else is called by another name. */
  readonly keepsNames: boolean;
  /** An ALTER that computes the values of a column anew. */
  readonly converts: boolean;
  /** What it adds, where it does nothing else by its words; undefined in doubt. */
  readonly adds?: Adds | undefined;
  /** What it sets, or makes, where it does nothing else by its words; undefined in doubt. */
  readonly sets?: SetColumns | undefined;
  /** Every name in it, as the server folds it. */
  readonly names: ReadonlySet<string>;
  /** It turns triggers off, and with them the server's look after foreign keys. */
  readonly unchecks: boolean;
  /** It says whether rows are counted. */
  readonly uncounts: boolean;
  /** Names that it takes away or gives away on purpose. */
  readonly drops: ReadonlySet<string>;
}

/** A text without a statement: the server is to say what it thinks of it. */
const BLANK: StatementFacts = {
  sql: '',
  verb: '',
  transaction: undefined,
  savepoint: { kind: 'none' },
  isPlain: true,
  calls: false,
  onlyUpdates: false,
  converts: false,
  keepsNames: true,
  names: new Set(),
  unchecks: false,
  uncounts: false,
  drops: new Set(),
};

const PLAIN: ReadonlySet<string> = new Set([
  'SELECT',
  'VALUES',
  'TABLE',
  'WITH',
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'COPY',
  'SET',
  'RESET',
  'SHOW',
  'SAVEPOINT',
  'RELEASE',
  'ROLLBACK',
  'ANALYZE',
  'NOTIFY',
  'LISTEN',
  'UNLISTEN',
  'DECLARE',
  'FETCH',
  'MOVE',
  'CLOSE',
  'PREPARE',
  'DEALLOCATE',
]);
const READING: ReadonlySet<string> = new Set(['SELECT', 'VALUES', 'TABLE', 'WITH', 'SHOW', 'EXPLAIN']);
const ASKING: ReadonlySet<string> = new Set(['SELECT', 'VALUES', 'WITH']);
/** Words before a parenthesis that call nothing, or a function of the server that everybody asks for. */
const HARMLESS: ReadonlySet<string> = new Set(
  (
    'ALL AND ANY ARRAY AS BETWEEN BY CASE CAST DISTINCT ELSE END EXCEPT EXISTS FILTER FROM GROUP HAVING IN INTERSECT INTO INTERVAL IS JOIN ' +
    'LATERAL LIKE LIMIT NOT NULLIF NUMERIC OFFSET ON OR ORDER OVER PARTITION RETURNING ROW ROWS SELECT SET SOME THEN UNION USING VALUES VARCHAR ' +
    'WHEN WHERE WITH WITHIN AVG BOOL_AND BOOL_OR CEIL COALESCE CONCAT COUNT CURRENT_SETTING EXTRACT FLOOR FORMAT GREATEST JSON_AGG ' +
    'JSON_BUILD_OBJECT JSONB_AGG JSONB_BUILD_OBJECT LEAST LENGTH LOWER MAX MD5 MIN MOD NOW RANK ROUND ROW_NUMBER SETVAL STRING_AGG SUBSTRING SUM ' +
    'TO_CHAR TO_REGCLASS TRIM UNNEST UPPER GENERATE_SERIES'
  ).split(' '),
);
const callsUnknown = (tokens: readonly Token[], words: readonly string[]): boolean =>
  tokens.some(
    ({ kind }, at) =>
      (kind === 'word' || kind === 'quoted') && tokens[at + 1]?.text === '(' && !HARMLESS.has(words[at] ?? ''),
  );
const CHANGING: ReadonlySet<string> = new Set(['INSERT', 'DELETE', 'MERGE']);
const REMOVING: ReadonlySet<string> = new Set(['DROP', 'RENAME', 'REPLACE']);
const SHAPING: ReadonlySet<string> = new Set(['CREATE', 'ALTER', 'DROP', 'DO']);
const GRANTING: ReadonlySet<string> = new Set(['GRANT', 'REVOKE', 'COMMENT', 'LOCK']);
/** Of objects whose texts name nothing that could get another name through them. */
const NAMED_KINDS: ReadonlySet<string> = new Set(['TABLE', 'INDEX', 'VIEW', 'TRIGGER', 'SEQUENCE', 'UNIQUE']);

/** The statements of a text, each with what its words say. */
export const statementsOf = (sql: string): Result<readonly StatementFacts[], ScriptError> =>
  splitStatements(sql).map((all) => all.map(factsOf));

/** What is sent of a text: its statements one by one, or all of it, where it has one, or is to have one. */
export const statementsIn = (
  sql: string,
  { isOne, onlyAdds = false, sets }: Pick<ScriptStatement, 'onlyAdds' | 'sets'> & { readonly isOne: boolean },
): Result<readonly StatementFacts[], ScriptError> =>
  statementsOf(sql).map((all) => {
    const [first = BLANK, ...others] = all;
    return others.length === 0 || isOne ? [{ ...first, sql, adds: onlyAdds ? addsOf(first) : undefined, sets }] : all;
  });

function factsOf(statement: SplitStatement): StatementFacts {
  const { sql, tokens } = statement;
  const words = tokens.map(keywordOf);
  const verb = words[0] ?? '';
  const control = controlByWords(tokens);
  const has = (wanted: ReadonlySet<string>): boolean => words.some((word) => wanted.has(word));
  const names = namesOf(tokens);
  const removing = verb === 'DO' ? tokens.flatMap(tokensWithin) : tokens;
  return {
    sql,
    verb,
    transaction: control === 'begin' || control === 'end' ? verb : undefined,
    savepoint: savepointOf(tokens, words),
    isPlain: PLAIN.has(verb),
    calls: ASKING.has(verb) && callsUnknown(tokens, words),
    onlyUpdates: words.includes('UPDATE') && !has(CHANGING) && (verb === 'UPDATE' || verb === 'WITH'),
    keepsNames: keepsNames(words),
    converts: verb === 'ALTER' && words.includes('USING'),
    names,
    unchecks: /session_replication_role|disable\s+trigger/i.test(sql),
    uncounts: verb !== 'ALTER' && verb !== 'SHOW' && /track_counts/i.test(sql),
    drops:
      SHAPING.has(verb) && removing.some((token) => REMOVING.has(keywordOf(token))) ? namesOf(removing) : new Set(),
  };
}

const namesOf = (tokens: readonly Token[]): ReadonlySet<string> =>
  new Set(tokens.flatMap((token) => nameOf(token) ?? []));

/** The tokens of a block's body, and of the statements that it has as texts. */
function tokensWithin({ kind, text }: Token): readonly Token[] {
  const body = kind === 'string' ? /^(\$[^$]*\$|[Ee]?')([^]*)(?:\1|')$/.exec(text)?.[2] : undefined;
  if (body === undefined) return [];
  const tokens = tokenize(body).filter((token) => !isTrivia(token));
  return [...tokens, ...tokens.flatMap(tokensWithin)];
}

/** Whether a question of a step may be that. */
export const isReading = ({ verb }: StatementFacts): boolean => READING.has(verb);

function keepsNames(words: readonly string[]): boolean {
  const [verb = '', ...rest] = words;
  if (GRANTING.has(verb) || verb === 'TRUNCATE') return true;
  if (verb !== 'CREATE' && verb !== 'DROP' && verb !== 'ALTER') return false;
  const kind = rest.find((word) => word !== 'OR' && word !== 'REPLACE' && word !== 'UNLOGGED') ?? '';
  // Another schema is another name; `SET SCHEMA` and `RENAME` are words of ALTER alone.
  return NAMED_KINDS.has(kind) && !(verb === 'ALTER' && (rest.includes('RENAME') || rest.includes('SCHEMA')));
}

/** Longer ones are cut off by the server. */
const LONGEST_NAME = 63;

/** The name is the last word: those before it may be noise, and may be the name. Some names cannot be told. */
function savepointOf(tokens: readonly Token[], words: readonly string[]): SavepointControl {
  const kind =
    words[0] === 'SAVEPOINT'
      ? 'set'
      : words[0] === 'RELEASE'
        ? 'release'
        : words[0] === 'ROLLBACK' && words.includes('TO')
          ? 'back'
          : undefined;
  if (kind === undefined) return { kind: 'none' };
  const last = tokens.findLast(({ text }) => text !== ';');
  const name = last && nameOf(last);
  return name === undefined || Buffer.byteLength(name) > LONGEST_NAME ? { kind: 'unknown' } : { kind, name };
}

/** A name as the server folds it: bare words in lower case, by ASCII rules, quoted ones as they are. */
function nameOf(token: Token): string | undefined {
  if (token.kind === 'word') return token.text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  if (token.kind !== 'quoted' || token.text.startsWith('U')) return undefined;
  return token.text.slice(1, -1).replaceAll('""', '"');
}

/** The same of a statement that the parser knows to add only: what it adds, where this says how it is to be seen. */
export function addsOf({ sql }: StatementFacts): Adds | undefined {
  const words = tokenize(sql)
    .map(keywordOf)
    .filter((word) => word !== '');
  const [verb, ...rest] = words;
  if (verb === 'INSERT') return 'rows';
  if (verb === 'ALTER') return rest[0] === 'TABLE' ? 'relation' : undefined;
  const kind = rest.find((word) => word !== 'UNIQUE' && word !== 'UNLOGGED');
  if (verb !== 'CREATE') return undefined;
  if (kind === 'INDEX') return 'index';
  // What is made like another table takes its comments and statistics over, too.
  return kind === 'TABLE' && !rest.includes('LIKE') ? 'relation' : undefined;
}
