// Reading tokens of a statement one after the other, with parentheses taken as a whole.
import { keywordOf, type Token } from '../sql/token.js';

/** A position in a list of significant tokens; nothing here fails, at the end every question is answered with no. */
export class TokenCursor {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length;
  }

  next(): Token | undefined {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    return token;
  }

  /** The bare word that stands `ahead` tokens from here, in upper case; '' where no bare word stands. */
  keyword(ahead = 0): string {
    return keywordOf(this.#tokens[this.#at + ahead]);
  }

  /** Takes these bare words if they stand here in this order; else takes nothing. */
  take(...words: readonly string[]): boolean {
    // Of most tokens the length alone says no.
    if (
      !words.every(
        (word, ahead) => this.#tokens[this.#at + ahead]?.text.length === word.length && this.keyword(ahead) === word,
      )
    )
      return false;
    this.#at += words.length;
    return true;
  }

  atOperator(text: string): boolean {
    const token = this.#tokens[this.#at];
    return token?.kind === 'operator' && token.text === text;
  }

  takeOperator(text: string): boolean {
    if (!this.atOperator(text)) return false;
    this.#at += 1;
    return true;
  }

  /** Takes a parenthesis up to its end and gives what is inside; nothing where none stands here. */
  takeParenthesis(): readonly Token[] | undefined {
    if (!this.takeOperator('(')) return undefined;
    const from = this.#at;
    for (let depth = 1; !this.done;) {
      depth += this.atOperator('(') ? 1 : this.atOperator(')') ? -1 : 0;
      this.#at += 1;
      if (depth === 0) return this.#tokens.slice(from, this.#at - 1);
    }
    return this.#tokens.slice(from);
  }

  /** Takes one token, or a whole parenthesis. */
  skip(): void {
    if (this.takeParenthesis() === undefined) this.#at += 1;
  }

  /** Takes everything that is left. */
  rest(): readonly Token[] {
    const rest = this.#tokens.slice(this.#at);
    this.#at = this.#tokens.length;
    return rest;
  }
}

/** Cuts a list at the commas that stand outside of parentheses. */
export function splitAtCommas(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.kind === 'operator') depth += token.text === '(' ? 1 : token.text === ')' ? -1 : 0;
    if (depth === 0 && token.kind === 'operator' && token.text === ',') parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.filter((part) => part.length > 0);
}
