// What one statement is: transaction control, something the server wants outside of a transaction, or something that only adds.
import type { StatementFacts } from './facts.js';
import { onlyAdds } from './only-adds.js';
import { outsideByWords } from './outside-by-words.js';
import { outsideOf } from './outside.js';
import type { Node, Parse } from './parser.js';
import { setColumns } from './set-columns.js';
import { isTrivia, keywordOf, tokenize, type Token } from './token.js';

/**
 * `tokens` are the statement's, without blanks and comments. A statement that the parser does not know, of a newer
 * server as like as not, is judged by its words; the server has the last one.
 */
export function classifyStatement(sql: string, tokens: readonly Token[], parse: Parse | undefined): StatementFacts {
  const [tree, second] = parse?.(sql) ?? [];
  if (tree === undefined || second !== undefined) return byWords(tokens);
  const control = controlOf(tree);
  // With standard_conforming_strings off, the server has the end of such a string elsewhere.
  const isCertain = !sql.includes('\\');
  const sets = isCertain ? setColumns(tree) : undefined;
  return {
    ...(control ? { control } : {}),
    onlyAdds: isCertain && onlyAdds(tree),
    ...(sets ? { sets } : {}),
    ...outsideOf(tree),
  };
}

/** The same for a text that is one statement. */
export const classifyText = (sql: string, parse: Parse | undefined): StatementFacts =>
  classifyStatement(
    sql,
    tokenize(sql).filter((token) => !isTrivia(token) && token.text !== ';'),
    parse,
  );

function controlOf(tree: Node): StatementFacts['control'] {
  if (!('TransactionStmt' in tree)) return undefined;
  switch (tree.TransactionStmt.kind) {
    case 'TRANS_STMT_BEGIN':
    case 'TRANS_STMT_START':
      return 'begin';
    case 'TRANS_STMT_COMMIT':
    case 'TRANS_STMT_ROLLBACK':
    case 'TRANS_STMT_PREPARE':
      return 'end';
    case 'TRANS_STMT_SAVEPOINT':
    case 'TRANS_STMT_RELEASE':
    case 'TRANS_STMT_ROLLBACK_TO':
      return 'savepoint';
    // What was prepared is ended from outside.
    default:
      return undefined;
  }
}

// https://www.postgresql.org/docs/current/sql-commands.html; ROLLBACK TO goes back to a savepoint and ends nothing.
const BEGINNING = /^(?:BEGIN|START TRANSACTION)\b/;
const ENDING =
  /^(?:(?:COMMIT|ROLLBACK)(?! PREPARED\b)|END|ABORT|PREPARE TRANSACTION)\b(?! (?:(?:WORK|TRANSACTION) )?TO\b)/;
const SAVING = /^(?:SAVEPOINT|RELEASE|ROLLBACK(?: WORK| TRANSACTION)? TO)\b/;

/** The bare words of a statement; a comma between modes says nothing. */
export const wordsOf = (tokens: readonly Token[]): string =>
  tokens
    .filter((token) => token.text !== ',')
    .map((token) => keywordOf(token) || token.text)
    .join(' ');

/** The keyword with which a statement begins or ends a transaction. */
export function controlByWords(tokens: readonly Token[]): StatementFacts['control'] {
  const words = wordsOf(tokens.slice(0, 4));
  if (BEGINNING.test(words)) return 'begin';
  if (SAVING.test(words)) return 'savepoint';
  return ENDING.test(words) ? 'end' : undefined;
}

/** What is longer than this is data. */
const MOST_TOKENS = 100;

function byWords(tokens: readonly Token[]): StatementFacts {
  const control = controlByWords(tokens);
  const words = tokens.slice(0, MOST_TOKENS).map((token) => keywordOf(token) || token.text);
  const outside = outsideByWords(words.join(' '));
  return { ...(control ? { control } : {}), onlyAdds: false, ...(outside ? { outside } : {}) };
}
