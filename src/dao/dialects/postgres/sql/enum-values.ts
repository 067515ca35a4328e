// A value that a script adds to an enum cannot be used before its commit (55P04): who does both in one step is told before it runs.
import { err, ok, type Result } from 'neverthrow';
import type { ScriptError } from '../../../../core/ports/script-splitter.js';
import type { SplitStatement } from './split.js';
import { keywordOf, type Token } from './token.js';

/**
 * Refuses a statement that has the text of a value added above it. Whether it is meant as that value only the server
 * knows, but a step of its own is right for it in either case. What a body in dollar quotes does the server says.
 */
export function refuseUncommittedValues(
  statements: readonly SplitStatement[],
): Result<readonly SplitStatement[], ScriptError> {
  const added = new Map<string, number>();
  const made = new Set<string>();
  for (const { tokens, line } of statements) {
    const words = tokens.slice(0, 2).map(keywordOf).join(' ');
    if (words === 'CREATE TYPE') made.add(nameAt(tokens, 2).name);
    // A later value may be put before or behind one that was just added, and a comment is only text.
    const value = words === 'ALTER TYPE' ? addedBy(tokens, made) : undefined;
    if (value !== undefined) added.set(value, added.get(value) ?? line);
    if (added.size === 0 || words === 'ALTER TYPE' || words.startsWith('COMMENT ')) continue;
    const used = tokens.map(textOf).find((text) => text !== undefined && added.has(text));
    if (used !== undefined)
      return err({ kind: 'uncommitted-value', value: used, added: added.get(used) ?? line, line });
  }
  return ok(statements);
}

/** The value of ALTER TYPE … ADD VALUE; of a type that the script itself makes, newer servers allow the use. */
function addedBy(tokens: readonly Token[], made: ReadonlySet<string>): string | undefined {
  const { name, next } = nameAt(tokens, 2);
  const words = tokens.slice(next).map(keywordOf);
  if (words[0] !== 'ADD' || words[1] !== 'VALUE' || made.has(name)) return undefined;
  return textOf(tokens[next + (words[2] === 'IF' ? 5 : 2)]);
}

/** The last part of a name that may have a schema. */
function nameAt(tokens: readonly Token[], at: number): { readonly name: string; readonly next: number } {
  const token = tokens[at];
  if (tokens[at + 1]?.text === '.') return nameAt(tokens, at + 2);
  const text = token?.text ?? '';
  return { name: token?.kind === 'quoted' ? text.slice(1, -1) : text.toLowerCase(), next: at + 1 };
}

const textOf = (token: Token | undefined): string | undefined =>
  token?.kind === 'string' && token.text.startsWith("'") ? token.text.slice(1, -1).replaceAll("''", "'") : undefined;
