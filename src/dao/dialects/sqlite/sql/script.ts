// SQLite's answer to the port `ScriptSplitter`: statements, with the script's own BEGIN and COMMIT taken off or refused.
import type { Result } from 'neverthrow';
import type { Script, ScriptError, ScriptSplitter } from '../../../../core/ports/script-splitter.js';
import { asScript, type ControlRules } from '../../../script/unwrap.js';
import { controlOf, isPlain } from './control.js';
import { splitStatements, type SplitStatement } from './split.js';
import { factsOf } from './statement.js';
import { isTrivia, keywordOf } from './token.js';

/**
 * Splits SQLite scripts. A script that wraps itself in one `BEGIN … COMMIT` is unwrapped, also where PRAGMA statements
 * (nothing else) stand before BEGIN or after COMMIT, as in SQLite's own recipe (https://sqlite.org/lang_altertable.html,
 * section 7); they stay statements. Any other transaction control but savepoints is refused, unless it is to be kept.
 */
export class SqliteScriptSplitter implements ScriptSplitter {
  split(script: string, options?: { readonly transactionControl: 'refuse' | 'keep' }): Result<Script, ScriptError> {
    return splitStatements(script).andThen((statements) =>
      asScript(statements, RULES, options?.transactionControl ?? 'refuse'),
    );
  }
}

const ENDING: ReadonlySet<ReturnType<typeof controlOf>> = new Set(['begin', 'commit', 'rollback'] as const);

const RULES: ControlRules<SplitStatement> = {
  endsTransaction: ({ tokens }) => (ENDING.has(controlOf(tokens)) ? keywordOf(tokens[0]) : undefined),
  isPlain: (edge, { tokens }) => isPlain(edge, tokens),
  mayStandOutside: ({ tokens }) => controlOf(tokens) === 'pragma',
  facts: ({ tokens }) => ({ onlyAdds: factsOf(tokens.filter((token) => !isTrivia(token))).onlyAdds }),
};
