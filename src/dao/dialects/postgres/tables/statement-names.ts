// Which names the statements of a script say, and what can be known of their effect by their words alone. Pure: too much is
// said rather than too little.
import { isTrivia, keywordOf, tokenize, type Token } from '../sql/token.js';

/** What a text of SQL may reach. */
export interface Reach {
  /** Names of what may be changed, as the server would store them, without their schemas. */
  readonly changes: ReadonlySet<string>;
  /** Names of what is only looked at or made; a function or a view among them may do something by itself. */
  readonly mentions: ReadonlySet<string>;
  /** What is done is not in the text: it is put together while it runs, or follows from dependencies of any kind. */
  readonly anything: boolean;
  /** A TRUNCATE may empty whatever refers to a table, whatever its foreign key says. */
  readonly truncates: boolean;
}

export const NO_REACH: Reach = { changes: new Set(), mentions: new Set(), anything: false, truncates: false };

export function joined(reaches: readonly Reach[]): Reach {
  return {
    changes: new Set(reaches.flatMap(({ changes }) => [...changes])),
    mentions: new Set(reaches.flatMap(({ mentions }) => [...mentions])),
    anything: reaches.some(({ anything }) => anything),
    truncates: reaches.some(({ truncates }) => truncates),
  };
}

/** The reach of statements as a script has them. */
export const reachOf = (statements: readonly { readonly sql: string }[]): Reach =>
  joined(statements.map(({ sql }) => ofStatement(sql)));

/** The reach of a function's body, or of a block of code: whatever it names may be changed. */
export function ofBody(body: string): Reach {
  const tokens = significant(body);
  const words = tokens.map(keywordOf);
  const changes = namesIn(tokens);
  const own: Reach = {
    changes,
    mentions: new Set(),
    anything: words.some((word, at) => isDynamic(word, words, at)) || runsText(changes),
    truncates: words.includes('TRUNCATE'),
  };
  const inner = tokens.filter(({ kind, text }) => kind === 'string' && text.startsWith('$'));
  return joined([own, ...inner.map(({ text }) => ofBody(contentOf(text)))]);
}

function ofStatement(sql: string): Reach {
  const tokens = significant(sql);
  const words = tokens.map(keywordOf);
  const head = words.slice(0, 6).filter(Boolean).join(' ');
  const bodies = CARRIES_BODY.test(head) ? bodiesOf(tokens) : [];
  const names = namesIn(tokens);
  // A body in the standard's way is no string.
  const onlyMentions =
    (ONLY_MENTIONS.test(head) && !words.includes('ATOMIC')) ||
    (READS.test(head) && !words.some((word) => CHANGING.has(word)));
  const own: Reach = {
    changes: onlyMentions ? new Set() : names,
    mentions: names,
    anything:
      REACHES_FAR.test(head) ||
      (DROPS_MORE.test(head) && words.includes('CASCADE')) ||
      (words[0] === 'ALTER' && words.includes('ATTRIBUTE')) ||
      runsText(names) ||
      (CARRIES_BODY.test(head) && isForeignLanguage(tokens)),
    truncates: words.includes('TRUNCATE'),
  };
  return bodies.length === 0 ? own : joined([own, ...bodies.map(ofBody)]);
}

/** These make something new, or change nothing in rows; with what they call they may. */
const ONLY_MENTIONS = new RegExp(
  `^(?:${[
    'CREATE (?:(?:GLOBAL|LOCAL) )?(?:TEMP |TEMPORARY |UNLOGGED )?TABLE',
    'CREATE (?:UNIQUE )?INDEX',
    'CREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER',
    'CREATE (?:OR REPLACE )?(?:TEMP |TEMPORARY )?(?:RECURSIVE )?VIEW',
    'CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE|AGGREGATE)',
    'CREATE (?:TEMP |TEMPORARY )?SEQUENCE',
    'CREATE (?:MATERIALIZED VIEW|STATISTICS|POLICY|TYPE|DOMAIN|SCHEMA|EXTENSION|COLLATION|PUBLICATION|ROLE|USER)',
    'DROP (?:VIEW|MATERIALIZED|INDEX|TRIGGER|POLICY|SEQUENCE|STATISTICS|PUBLICATION|FUNCTION|PROCEDURE|ROUTINE|AGGREGATE|TYPE|DOMAIN|EXTENSION|ROLE)',
    'ALTER (?:INDEX|SEQUENCE|FUNCTION|PROCEDURE|ROUTINE|POLICY|TRIGGER|STATISTICS|PUBLICATION|ROLE|USER|DATABASE|SYSTEM|DEFAULT|TYPE|DOMAIN)',
    'COMMENT|GRANT|REVOKE|ANALYZE|VACUUM|REINDEX|CLUSTER|REFRESH|SECURITY|REASSIGN|SET|RESET|SHOW|LOCK|NOTIFY|LISTEN|SAVEPOINT|RELEASE',
  ].join('|')})\\b`,
);
const READS = /^(?:SELECT|WITH|VALUES|TABLE|EXPLAIN)\b/;
const CHANGING: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'TRUNCATE', 'EXECUTE']);
/** What goes with these may be columns of any table. */
const DROPS_MORE =
  /^DROP (?:SCHEMA|TYPE|DOMAIN|EXTENSION|FUNCTION|PROCEDURE|ROUTINE|AGGREGATE|OPERATOR|COLLATION|LANGUAGE|ACCESS|CAST|TRANSFORM|TEXT)\b/;
const REACHES_FAR = /^(?:DROP OWNED|ALTER EXTENSION|ALTER TABLE ALL|LOAD)\b/;
/** The server's own functions that run a text of SQL; and a word by which a name can be written in any way. */
const RUNS_TEXT = /^(?:query_to_xml\w*|ts_stat|ts_rewrite|uescape)$/;
const runsText = (names: ReadonlySet<string>): boolean => [...names].some((name) => RUNS_TEXT.test(name));

const CARRIES_BODY = /^(?:DO|CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE))\b/;
const READABLE = /^(?:sql|plpgsql|internal|c)$/i;

/** Code in a language other than those that are read here. */
function isForeignLanguage(tokens: readonly Token[]): boolean {
  const at = tokens.findIndex((token) => keywordOf(token) === 'LANGUAGE');
  const language = tokens[at + 1];
  return at >= 0 && language !== undefined && !READABLE.test(language.text.replaceAll(/^['"]|['"]$/g, ''));
}

const bodiesOf = (tokens: readonly Token[]): readonly string[] =>
  tokens.filter(({ kind }) => kind === 'string').map(({ text }) => contentOf(text));

/** `EXECUTE FUNCTION touch()` belongs to a trigger, `GRANT EXECUTE ON` to a privilege; any other runs a text. */
function isDynamic(word: string, words: readonly string[], at: number): boolean {
  if (word !== 'EXECUTE') return false;
  const [next, afterNext] = [words[at + 1], words[at + 2]];
  const isTrigger = (next === 'FUNCTION' || next === 'PROCEDURE') && afterNext !== undefined && afterNext !== '';
  return !isTrigger && !(next === 'ON' && words[at - 1] === 'GRANT');
}

const significant = (sql: string): readonly Token[] => tokenize(sql).filter((token) => !isTrivia(token));

/** A text that is nothing but a name may be one: `nextval('orders_id_seq')`, `'orders'::regclass`. */
const IS_NAME = /^(?:[\p{L}_][\p{L}\p{N}_$]*|"(?:[^"]|"")+")(?:\.(?:[\p{L}_][\p{L}\p{N}_$]*|"(?:[^"]|"")+"))*$/u;

function namesIn(tokens: readonly Token[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const token of tokens) {
    if (token.kind === 'word' || token.kind === 'quoted') names.add(nameOfToken(token));
    if (token.kind !== 'string') continue;
    const content = contentOf(token.text).trim();
    if (!IS_NAME.test(content)) continue;
    for (const part of tokenize(content))
      if (part.kind === 'word' || part.kind === 'quoted') names.add(nameOfToken(part));
  }
  return names;
}

/** As the server folds and cuts it: A-Z in lower case outside of quotes, 63 bytes. */
export function nameOfToken({ kind, text }: Token): string {
  if (kind === 'word') return cut(text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()));
  const isEscaped = /^[uU]&/.test(text);
  const inner = text.slice(isEscaped ? 3 : 1, -1).replaceAll('""', '"');
  return cut(isEscaped ? unescape(inner) : inner);
}

const unescape = (text: string): string =>
  text.replaceAll(/\\(?:(\\)|\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4}))/g, (_, slash: string | undefined, six, four) =>
    slash === undefined ? String.fromCodePoint(Number.parseInt(String(six ?? four), 16)) : slash,
  );

const NAME_BYTES = 63;
function cut(name: string): string {
  const bytes = Buffer.from(name);
  if (bytes.length <= NAME_BYTES) return name;
  let end = NAME_BYTES;
  // Not in the middle of a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString();
}

/** What a string says, without its quotes; escapes are undone as far as they can hide a name. */
function contentOf(text: string): string {
  const dollar = /^\$[^$]*\$/.exec(text)?.[0];
  if (dollar !== undefined) return text.slice(dollar.length, -dollar.length);
  const quote = text.indexOf("'");
  const inner = text.slice(quote + 1, -1).replaceAll("''", "'");
  return /^[eE]/.test(text) ? inner.replaceAll(/\\(?:n|t|r)/g, ' ').replaceAll(/\\(.)/g, '$1') : inner;
}
