// SQLite's answer to the port `ScriptSplitter`: statements, with the script's own BEGIN and COMMIT taken off or refused.
import { err, ok, type Result } from 'neverthrow';

import type { Script, ScriptError, ScriptSplitter } from '../../../../core/ports/script-splitter.js';
import { controlOf, isPlain } from './control.js';
import { splitStatements, type SplitStatement } from './split.js';
import { factsOf } from './statement.js';
import { isTrivia, keywordOf } from './token.js';

type Refusal = Extract<ScriptError, { readonly kind: 'transaction-control' }>;

/**
 * Splits SQLite scripts. A script that wraps itself in one `BEGIN … COMMIT` is unwrapped, also where PRAGMA statements
 * (nothing else) stand before BEGIN or after COMMIT, as in SQLite's own recipe (https://sqlite.org/lang_altertable.html,
 * section 7); they stay statements. Any other transaction control but savepoints is refused, unless it is to be kept.
 */
export class SqliteScriptSplitter implements ScriptSplitter {
  split(script: string, options?: { readonly transactionControl: 'refuse' | 'keep' }): Result<Script, ScriptError> {
    return splitStatements(script).andThen((statements) =>
      options?.transactionControl === 'keep' ? ok(numbered(statements, false)) : withoutControl(statements),
    );
  }
}

function withoutControl(statements: readonly SplitStatement[]): Result<Script, Refusal> {
  const others = statements.filter(({ tokens }) => controlOf(tokens) !== 'pragma');
  const [first, last] = [others.at(0), others.at(-1)];
  const wrapped = first && last && isPlain('begin', first.tokens) && isPlain('commit', last.tokens);
  const kept = wrapped ? statements.filter((statement) => statement !== first && statement !== last) : statements;
  const refused = kept.find(({ tokens }) => REFUSED.has(controlOf(tokens)));
  if (!refused) return ok(numbered(kept, wrapped === true));
  return err({ kind: 'transaction-control', keyword: keywordOf(refused.tokens[0]), line: refused.line });
}

const REFUSED: ReadonlySet<ReturnType<typeof controlOf>> = new Set(['begin', 'commit', 'rollback'] as const);

function numbered(statements: readonly SplitStatement[], unwrapped: boolean): Script {
  return {
    statements: statements.map(({ sql, line, tokens }, at) => ({
      sql,
      line,
      index: at + 1,
      onlyAdds: factsOf(tokens.filter((token) => !isTrivia(token))).onlyAdds,
    })),
    unwrapped,
  };
}
