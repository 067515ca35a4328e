// A script's own BEGIN and COMMIT: taken off where they wrap the whole, refused where they would end the step's transaction half-way.
import { err, ok, type Result } from 'neverthrow';
import type { Script, ScriptError, ScriptStatement } from '../../core/ports/script-splitter.js';

/** What a dialect knows of one statement. */
export interface Cut {
  readonly sql: string;
  readonly line: number;
}
export interface ControlRules<S extends Cut> {
  /** The keyword with which it begins or ends a transaction; undefined for any other, savepoints included. */
  endsTransaction(statement: S): string | undefined;
  /** It is nothing but a complete BEGIN, or COMMIT. */
  isPlain(edge: 'begin' | 'commit', statement: S): boolean;
  /** It only sets something, and may stand before BEGIN or after COMMIT. */
  mayStandOutside(statement: S): boolean;
  /** What is said of it by its own words. */
  facts(statement: S): Pick<ScriptStatement, 'onlyAdds' | 'sets' | 'outside'>;
}

/** The statements as they are run, `keep`: with transaction control left where it is. */
export function asScript<S extends Cut>(
  statements: readonly S[],
  rules: ControlRules<S>,
  control: 'refuse' | 'keep',
): Result<Script, ScriptError> {
  if (control === 'keep') return ok({ statements: numbered(statements, rules), unwrapped: false });
  const others = statements.filter((statement) => !rules.mayStandOutside(statement));
  const [first, last] = [others.at(0), others.at(-1)];
  const wrapped =
    first !== undefined && last !== undefined && rules.isPlain('begin', first) && rules.isPlain('commit', last);
  const kept = wrapped ? statements.filter((statement) => statement !== first && statement !== last) : statements;
  for (const statement of kept) {
    const keyword = rules.endsTransaction(statement);
    if (keyword !== undefined) return err({ kind: 'transaction-control', keyword, line: statement.line });
  }
  return ok({ statements: numbered(kept, rules), unwrapped: wrapped });
}

const numbered = <S extends Cut>(statements: readonly S[], rules: ControlRules<S>): readonly ScriptStatement[] =>
  statements.map((statement, at) => ({
    sql: statement.sql,
    line: statement.line,
    index: at + 1,
    ...rules.facts(statement),
  }));
