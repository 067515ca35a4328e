// Cuts a script into statements where psql would: at each semicolon, except those in parentheses and in a body BEGIN ATOMIC … END.
import { err, ok, type Result } from 'neverthrow';
import type { ScriptError } from '../../../../core/ports/script-splitter.js';
import { lineCounter } from '../../../script/line-counter.js';
import { isTrivia, keywordOf, tokenize, type Token } from './token.js';

/** One statement: its text and tokens without the final semicolon and without blanks and comments around it. */
export interface SplitStatement {
  readonly sql: string;
  /** 1-based line of the first token in the script. */
  readonly line: number;
  /** Without blanks and comments. */
  readonly tokens: readonly Token[];
}

/** The statements of `script` in their order, empty ones left out. */
export function splitStatements(script: string): Result<readonly SplitStatement[], ScriptError> {
  const tokens = tokenize(script);
  const lineAt = lineCounter(script);
  const broken = tokens.find((token) => token.unterminated || token.text.includes('\0'));
  if (broken) return err({ kind: 'unterminated', what: brokenAs(broken), line: lineAt(broken.start) });

  const statements: SplitStatement[] = [];
  let own: Token[] = [];
  let boundary = new Boundary();
  const finish = (): void => {
    const [first, last] = [own.at(0), own.at(-1)];
    if (first && last)
      statements.push({ sql: script.slice(first.start, last.end), line: lineAt(first.start), tokens: own });
    own = [];
    boundary = new Boundary();
  };
  for (const token of tokens) {
    if (isTrivia(token)) continue;
    // psql reads a backslash outside of quotes as a command of its own, which the server has never heard of.
    if (token.text === '\\') return err({ kind: 'unsupported', what: 'psql-command', line: lineAt(token.start) });
    if (boundary.endsAt(token)) {
      if (copiesFromStdin(own))
        return err({ kind: 'unsupported', what: 'copy-from-stdin', line: lineAt(own[0]?.start ?? 0) });
      finish();
    } else own.push(token);
  }
  if (boundary.insideBody)
    return err({ kind: 'unterminated', what: 'function-body', line: lineAt(own[0]?.start ?? 0) });
  if (copiesFromStdin(own))
    return err({ kind: 'unsupported', what: 'copy-from-stdin', line: lineAt(own[0]?.start ?? 0) });
  finish();
  return ok(statements);
}

function brokenAs(token: Token): Extract<ScriptError, { kind: 'unterminated' }>['what'] {
  if (!token.unterminated) return 'nul';
  if (token.kind === 'comment') return 'comment';
  return token.kind === 'quoted' ? 'identifier' : 'string';
}

/** Follows one statement. Only the body of a routine, `BEGIN ATOMIC … END`, has semicolons of its own. */
class Boundary {
  readonly #head: string[] = [];
  #previous = '';
  #parentheses = 0;
  /** BEGIN ATOMIC and CASE that wait for their END. */
  readonly #open: ('body' | 'case')[] = [];

  get insideBody(): boolean {
    return this.#open.length > 0;
  }

  /** Says whether `token` is the semicolon that ends the statement. */
  endsAt(token: Token): boolean {
    if (token.text === ';' && token.kind === 'operator' && this.#parentheses === 0 && !this.insideBody) return true;
    // Behind AS and a dot, and in parentheses, a keyword may be a name; a CASE has its END in the same ones.
    const isName = this.#previous === 'AS' || this.#previous === '.';
    const text = token.kind === 'operator' ? token.text : isName ? '' : keywordOf(token);
    if (this.#head.length < 4) this.#head.push(text);
    if (text === '(') this.#parentheses += 1;
    else if (text === ')') this.#parentheses = Math.max(0, this.#parentheses - 1);
    else if (this.#parentheses === 0) this.#followBody(text);
    this.#previous = token.kind === 'operator' ? token.text : keywordOf(token);
    return false;
  }

  #followBody(text: string): void {
    if (text === 'ATOMIC' && this.#previous === 'BEGIN' && ROUTINE.test(this.#head.join(' '))) this.#open.push('body');
    else if (text === 'CASE' && this.insideBody) this.#open.push('case');
    else if (text === 'END' && this.#endsWhatIsOpen()) this.#open.pop();
  }

  /** Each statement of a body has its semicolon: behind anything else END is the name of a column. */
  #endsWhatIsOpen(): boolean {
    return this.#open.at(-1) === 'case' || this.#previous === ';' || this.#previous === 'ATOMIC';
  }
}
const ROUTINE = /^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)\b/;

/** `COPY … FROM STDIN` reads what follows it in the script as data: only psql does that. */
const copiesFromStdin = (tokens: readonly Token[]): boolean =>
  keywordOf(tokens[0]) === 'COPY' &&
  tokens.some((token, at) => keywordOf(token) === 'FROM' && keywordOf(tokens[at + 1]) === 'STDIN');
