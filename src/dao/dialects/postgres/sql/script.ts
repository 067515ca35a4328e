// PostgreSQL's answer to the port `ScriptSplitter`: statements, with the script's own BEGIN and COMMIT taken off or refused.
import type { Result } from 'neverthrow';
import type { Script, ScriptError, ScriptSplitter } from '../../../../core/ports/script-splitter.js';
import { asScript, type ControlRules } from '../../../script/unwrap.js';
import { splitStatements, type SplitStatement } from './split.js';
import { keywordOf } from './token.js';

/**
 * Splits PostgreSQL scripts. A script that wraps itself in one `BEGIN … COMMIT` is unwrapped, also where SET statements
 * (nothing else) stand before BEGIN or after COMMIT; they stay statements. Any other transaction control but savepoints
 * is refused, unless it is to be kept; what only psql understands is refused in any case.
 */
export class PostgresScriptSplitter implements ScriptSplitter {
  split(script: string, options?: { readonly transactionControl: 'refuse' | 'keep' }): Result<Script, ScriptError> {
    return splitStatements(script).andThen((statements) =>
      asScript(statements, RULES, options?.transactionControl ?? 'refuse'),
    );
  }
}

// https://www.postgresql.org/docs/current/sql-commands.html; ROLLBACK TO goes back to a savepoint and ends nothing.
const ENDING =
  /^(?:BEGIN|START TRANSACTION|COMMIT|END|ABORT|PREPARE TRANSACTION|ROLLBACK(?! (?:(?:WORK|TRANSACTION) )?TO\b))\b/;
const MODES = String.raw`(?: (?:ISOLATION LEVEL (?:SERIALIZABLE|REPEATABLE READ|READ COMMITTED|READ UNCOMMITTED)|READ (?:WRITE|ONLY)|(?:NOT )?DEFERRABLE))*`;
const PLAIN = {
  begin: new RegExp(`^(?:BEGIN(?: WORK| TRANSACTION)?|START TRANSACTION)${MODES}$`),
  commit: /^(?:COMMIT|END)(?: WORK| TRANSACTION)?(?: AND NO CHAIN)?$/,
};

/** The bare words of a statement's beginning; a comma between modes says nothing. */
const wordsOf = ({ tokens }: SplitStatement): string =>
  tokens
    .filter((token) => token.text !== ',')
    .map((token) => keywordOf(token) || token.text)
    .join(' ');

const RULES: ControlRules<SplitStatement> = {
  endsTransaction: (statement) => (ENDING.test(wordsOf(statement)) ? keywordOf(statement.tokens[0]) : undefined),
  isPlain: (edge, statement) => PLAIN[edge].test(wordsOf(statement)),
  mayStandOutside: ({ tokens }) => keywordOf(tokens[0]) === 'SET',
  // Each step has a commit of its own here.
  onlyAdds: () => false,
};
