// Reads the directives of an SQL step: `-- migrate-safe: may-lose-rows table=orders`.
import { err, ok, type Result } from 'neverthrow';
import type { Declarations } from '../core/steps/migration-step.js';

export interface Directives {
  readonly transaction: 'own' | 'none';
  readonly foreignKeys: 'on' | 'off';
  readonly declares: Declarations;
  /** A query whose first row says whether a step without a transaction is done. */
  readonly doneWhen: string | undefined;
}

export interface DirectiveError {
  readonly line: number;
  readonly text: string;
  readonly reason: string;
}

const DIRECTIVE = /^\s*--\s*migrate-safe:\s*(\S[^\n]*?)\s*$/i;
const WITHOUT_COLON =
  /^\s*--\s*(migrate-safe\s+(?:up|down|no-transaction|foreign-keys|touches|may-lose-rows|may-drop|may-null|done-when)\b.*?)\s*$/i;
const MARKER = /^(?:up|down)$/i;
const ARGUMENT = /(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))/g;
const DROPPABLE = [
  'table',
  'column',
  'index',
  'view',
  'trigger',
  'check',
  'unique',
  'constraint',
  'default',
  'policy',
  'rule',
  'privileges',
  'comment',
];

/** A directive that is not understood is an error: one that is misspelt would allow nothing, or be thought to. */
export function parseDirectives(text: string): Result<Directives, DirectiveError> {
  const found = {
    transaction: 'own' as Directives['transaction'],
    foreignKeys: 'off' as Directives['foreignKeys'],
    doneWhen: undefined as string | undefined,
  };
  const touches: string[] = [];
  const mayLoseRows: string[] = [];
  const mayDrop: string[] = [];
  const mayNull: string[] = [];

  for (const [index, line] of text.split('\n').entries()) {
    const colonless = WITHOUT_COLON.exec(line)?.[1];
    if (colonless !== undefined)
      return err({ line: index + 1, text: colonless, reason: 'a colon is missing behind migrate-safe' });
    const body = DIRECTIVE.exec(line)?.[1];
    if (body === undefined || MARKER.test(body)) continue;
    const [verb = '', rest = ''] = splitOnce(body);
    const failed = (reason: string): Result<never, DirectiveError> => err({ line: index + 1, text: body, reason });
    const named = argumentsOf(rest);
    const only = (...keys: readonly string[]): boolean =>
      named.length > 0 && named.every(({ key }) => keys.includes(key));
    const add = (to: string[]): void => void to.push(...named.map(({ value }) => value));
    switch (verb.toLowerCase()) {
      case 'no-transaction':
        if (rest !== '') return failed('no-transaction takes nothing');
        found.transaction = 'none';
        break;
      case 'foreign-keys':
        if (!/^(on|off)$/i.test(rest)) return failed('foreign-keys is on or off');
        found.foreignKeys = rest.toLowerCase() === 'on' ? 'on' : 'off';
        break;
      case 'touches':
        if (!only('table')) return failed('say touches table=NAME');
        add(touches);
        break;
      case 'may-lose-rows':
        if (!only('table')) return failed('say may-lose-rows table=NAME');
        add(mayLoseRows);
        break;
      case 'may-drop':
        if (!only(...DROPPABLE)) return failed(`say may-drop ${DROPPABLE.map((kind) => `${kind}=…`).join(' or ')}`);
        add(mayDrop);
        break;
      case 'may-null':
        if (!only('column')) return failed('say may-null column=TABLE.COLUMN');
        add(mayNull);
        break;
      case 'done-when':
        if (!/^(select|with|values)\b/i.test(rest)) return failed('done-when takes a query on the same line');
        found.doneWhen = rest.replace(/;\s*$/, '');
        break;
      default:
        return failed('there is no such directive');
    }
  }
  // Who says nothing of what the step touches has not said that it touches nothing.
  const said = touches.length > 0 ? { touches } : {};
  return ok({ ...found, declares: { ...said, mayLoseRows, mayDrop, mayNull } });
}

function splitOnce(body: string): readonly string[] {
  const at = body.search(/\s/);
  return at < 0 ? [body] : [body.slice(0, at), body.slice(at).trim()];
}

/** `table=a table=b,c` in any number; names with blanks in double quotes. Nothing else may stand there. */
function argumentsOf(text: string): readonly { readonly key: string; readonly value: string }[] {
  const found = [...text.matchAll(ARGUMENT)];
  if (text.replaceAll(ARGUMENT, '').trim() !== '') return [];
  return found.flatMap(([, key = '', quotedName, bare]) => {
    if (quotedName !== undefined) return [{ key, value: unescaped(quotedName) }];
    return (bare ?? '')
      .split(',')
      .filter(Boolean)
      .map((value) => ({ key, value }));
  });
}

/** A name as the guard's own advice writes it: escaped as JSON is, so that a line break in it does not end the comment. */
function unescaped(quoted: string): string {
  try {
    return JSON.parse(`"${quoted}"`) as string;
  } catch {
    return quoted.replaceAll(/\\(.)/g, '$1');
  }
}
