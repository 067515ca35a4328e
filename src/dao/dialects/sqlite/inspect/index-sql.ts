// What CREATE INDEX says and no pragma tells: the expressions it indexes and the condition of a partial index.
import { keywordOf, significant, type Token } from '../sql/token.js';
import { splitAtCommas, TokenCursor } from './token-cursor.js';

export interface ParsedIndex {
  /** The terms in their order, without their direction and collation. */
  readonly terms: readonly (readonly Token[])[];
  readonly where?: readonly Token[];
}

/** Takes apart the text that `sqlite_schema` holds for an index. */
export function parseCreateIndex(sql: string): ParsedIndex {
  const cursor = new TokenCursor(significant(sql));
  while (!cursor.done && !cursor.atOperator('(')) cursor.next();
  const terms = splitAtCommas(cursor.takeParenthesis() ?? []).map(withoutOrder);
  return cursor.take('WHERE') ? { terms, where: cursor.rest() } : { terms };
}

function withoutOrder(term: readonly Token[]): readonly Token[] {
  const last = keywordOf(term.at(-1));
  const expression = last === 'ASC' || last === 'DESC' ? term.slice(0, -1) : term;
  return keywordOf(expression.at(-2)) === 'COLLATE' ? expression.slice(0, -2) : expression;
}
