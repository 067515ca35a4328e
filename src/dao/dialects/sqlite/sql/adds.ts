// Tells statements that can only add (a table, a column, rows) from those that may change or take away what is there.
import { statementFacts } from './statement.js';
import { keywordOf, significant } from './token.js';

const REPLACING: ReadonlySet<string> = new Set(['REPLACE', 'UPDATE', 'OR', 'RETURNING']);
const NOT_IN_THE_FILE: ReadonlySet<string> = new Set(['TEMP', 'TEMPORARY', 'VIRTUAL']);

/**
 * Whether the statement, by its own words, only adds. What a table's triggers do beyond that is not in its words; a
 * word too many (a column that is called `or`) makes it count as one that changes.
 */
export function onlyAdds(sql: string): boolean {
  const { verb, isSchemaChange } = statementFacts(sql);
  const words = significant(sql).map(keywordOf);
  switch (verb) {
    case 'CREATE':
      return words[0] === 'CREATE' && !NOT_IN_THE_FILE.has(words[1] ?? '');
    case 'ALTER':
      return addsColumn(sql);
    case 'INSERT':
      return !isSchemaChange && !words.some((word) => REPLACING.has(word));
    default:
      return false;
  }
}

/** `ALTER TABLE … ADD …`: it writes to the schema and to no row. https://sqlite.org/lang_altertable.html#altertabaddcol */
export function addsColumn(sql: string): boolean {
  const tokens = significant(sql);
  if (keywordOf(tokens[0]) !== 'ALTER' || keywordOf(tokens[1]) !== 'TABLE') return false;
  const name = tokens[3]?.text === '.' ? 4 : 2;
  return keywordOf(tokens[name + 1]) === 'ADD';
}
