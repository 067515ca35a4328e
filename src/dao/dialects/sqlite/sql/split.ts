// Cuts a script into statements where SQLite's parser would: at each semicolon, except those inside a trigger's body.
import { err, ok, type Result } from 'neverthrow';

import type { ScriptError } from '../../../../core/ports/script-splitter.js';
import { lineCounter } from '../../../script/line-counter.js';
import { isTrivia, keywordOf, tokenize, type Token } from './token.js';

/** One statement: its text and tokens without the final semicolon and without blanks and comments around it. */
export interface SplitStatement {
  readonly sql: string;
  /** Offset of the first token in the script, in UTF-16 units; the tokens' offsets count from the same place. */
  readonly start: number;
  /** 1-based line of the first token in the script. */
  readonly line: number;
  readonly tokens: readonly Token[];
}

type Unterminated = Extract<ScriptError, { readonly kind: 'unterminated' }>;

/**
 * The statements of `script` in their order, empty ones left out. A comment that is never closed is legal at the end of
 * a script; a string, an identifier or a trigger that is never closed, and a NUL character, are errors.
 */
export function splitStatements(script: string): Result<readonly SplitStatement[], Unterminated> {
  const tokens = tokenize(script);
  const broken = tokens.find((token) => cutShort(token) !== undefined);
  const what = broken && cutShort(broken);
  if (broken && what) {
    const offset = what === 'nul' ? broken.start + broken.text.indexOf('\0') : broken.start;
    return err({ kind: 'unterminated', what, line: lineCounter(script)(offset) });
  }
  const { statements, openTrigger } = cutStatements(script, tokens);
  return openTrigger ? err({ kind: 'unterminated', what: 'trigger', line: openTrigger.line }) : ok(statements);
}

/** The number of statements in `sql`, one that is never closed included. */
export function countStatements(sql: string): number {
  return cutStatements(sql, tokenize(sql)).statements.length;
}

// SQLite reads no further than a NUL, wherever it stands: `DELETE FROM t /* NUL */ WHERE id = 1` empties the table
// (tried with both drivers). So a NUL is reported as what it cuts short: a string, a name, or just as itself.
function cutShort(token: Token): 'string' | 'identifier' | 'nul' | undefined {
  if (!token.text.includes('\0') && (!token.unterminated || token.kind === 'comment')) return undefined;
  if (token.kind === 'string' || token.kind === 'blob') return 'string';
  return token.kind === 'quoted' ? 'identifier' : 'nul';
}

interface Cut {
  readonly statements: readonly SplitStatement[];
  /** The last statement, if it is a CREATE TRIGGER whose END is missing. */
  readonly openTrigger: SplitStatement | undefined;
}

function cutStatements(script: string, tokens: readonly Token[]): Cut {
  const statements: SplitStatement[] = [];
  const lineAt = lineCounter(script);
  let boundary = new StatementBoundary();
  let own: Token[] = [];
  const finish = (): SplitStatement | undefined => {
    const kept = own.slice(0, own.findLastIndex((token) => !isTrivia(token)) + 1);
    const [first, last] = [kept.at(0), kept.at(-1)];
    own = [];
    if (!first || !last) return undefined;
    const sql = script.slice(first.start, last.end);
    const statement = { sql, start: first.start, line: lineAt(first.start), tokens: kept };
    statements.push(statement);
    return statement;
  };
  for (const token of tokens) {
    if (isTrivia(token)) {
      if (own.length > 0) own.push(token);
    } else if (boundary.endsAt(token)) {
      finish();
      boundary = new StatementBoundary();
    } else own.push(token);
  }
  const last = finish();
  return { statements, openTrigger: boundary.insideTrigger ? last : undefined };
}

// What a name follows in a trigger's head, where BEGIN may be that name: `ON begin`, `new.begin`, `OF begin, end`.
const BEFORE_A_NAME: ReadonlySet<string> = new Set(['TRIGGER', 'EXISTS', 'ON', 'OF', '.', ',']);

/**
 * Follows one statement, token by token. In a trigger's body each command ends with a semicolon, and only at the
 * beginning of a command can END stand for the end of the body; so the END of a CASE, and a column called `end`, need
 * no counting (https://sqlite.org/src/file/src/parse.y, trigger_cmd_list).
 */
class StatementBoundary {
  #state: 'start' | 'create' | 'other' | 'trigger-head' | 'trigger-body' | 'trigger-end' = 'start';
  #previous = '';
  #depth = 0;

  get insideTrigger(): boolean {
    return this.#state === 'trigger-head' || this.#state === 'trigger-body';
  }

  /** Says whether `token`, which means something, is the semicolon that ends the statement. */
  endsAt(token: Token): boolean {
    const isName = token.kind === 'word' && BEFORE_A_NAME.has(this.#previous);
    const text = token.kind === 'operator' ? token.text : isName ? '' : keywordOf(token);
    if (text === ';' && this.#state !== 'trigger-body') return true;
    this.#advance(text);
    this.#previous = text;
    return false;
  }

  #advance(text: string): void {
    switch (this.#state) {
      case 'start':
        if (text === 'CREATE') this.#state = 'create';
        else if (text !== 'EXPLAIN' && text !== 'QUERY' && text !== 'PLAN') this.#state = 'other';
        return;
      case 'create':
        if (text === 'TRIGGER') this.#state = 'trigger-head';
        else if (text !== 'TEMP' && text !== 'TEMPORARY') this.#state = 'other';
        return;
      case 'trigger-head':
        if (text === '(') this.#depth += 1;
        else if (text === ')') this.#depth -= 1;
        else if (text === 'BEGIN' && this.#depth === 0) this.#state = 'trigger-body';
        return;
      case 'trigger-body':
        if (text === 'END' && (this.#previous === ';' || this.#previous === 'BEGIN')) this.#state = 'trigger-end';
        return;
      case 'trigger-end':
      case 'other':
        return;
    }
  }
}
