// PostgreSQL's answer to the port `ScriptSplitter`: statements, with the script's own BEGIN and COMMIT taken off or refused.
import type { Result } from 'neverthrow';
import type { Script, ScriptError, ScriptSplitter } from '../../../../core/ports/script-splitter.js';
import { asScript, type ControlRules } from '../../../script/unwrap.js';
import { classifyStatement, controlByWords, wordsOf } from './classify-statement.js';
import { refuseUncommittedValues } from './enum-values.js';
import { loadParser, type Parse } from './parser.js';
import { splitStatements, type SplitStatement } from './split.js';
import { keywordOf } from './token.js';

/**
 * Splits PostgreSQL scripts. A script that wraps itself in one `BEGIN … COMMIT` is unwrapped, also where SET statements
 * (nothing else) stand before BEGIN or after COMMIT; they stay statements. Any other transaction control but savepoints
 * is refused, unless it is to be kept; what only psql understands is refused in any case. Statements are judged by
 * PostgreSQL's own parser once `prepare` was awaited, by their words before.
 */
export class PostgresScriptSplitter implements ScriptSplitter {
  #parse: Parse | undefined;

  async prepare(): Promise<void> {
    this.#parse = await loadParser();
  }

  split(script: string, options?: { readonly transactionControl: 'refuse' | 'keep' }): Result<Script, ScriptError> {
    const control = options?.transactionControl ?? 'refuse';
    const statements = splitStatements(script);
    const usable = control === 'keep' ? statements : statements.andThen(refuseUncommittedValues);
    return usable.andThen((all) => asScript(all, rulesWith(this.#parse), control));
  }
}

const MODES = String.raw`(?: (?:ISOLATION LEVEL (?:SERIALIZABLE|REPEATABLE READ|READ COMMITTED|READ UNCOMMITTED)|READ (?:WRITE|ONLY)|(?:NOT )?DEFERRABLE))*`;
const PLAIN = {
  begin: new RegExp(`^(?:BEGIN(?: WORK| TRANSACTION)?|START TRANSACTION)${MODES}$`),
  commit: /^(?:COMMIT|END)(?: WORK| TRANSACTION)?(?: AND NO CHAIN)?$/,
};

const rulesWith = (parse: Parse | undefined): ControlRules<SplitStatement> => ({
  endsTransaction: ({ tokens }) => {
    const control = controlByWords(tokens);
    return control === 'begin' || control === 'end' ? keywordOf(tokens[0]) : undefined;
  },
  isPlain: (edge, { tokens }) => PLAIN[edge].test(wordsOf(tokens)),
  mayStandOutside: ({ tokens }) => keywordOf(tokens[0]) === 'SET',
  facts: ({ sql, tokens }) => {
    const { onlyAdds, sets, outside } = classifyStatement(sql, tokens, parse);
    return { onlyAdds, ...(sets ? { sets } : {}), ...(outside ? { outside } : {}) };
  },
});
