// Which statements steer the transaction, the connection or the file instead of changing the schema or the data.
import { keywordOf, type Token } from './token.js';

/** What a statement steers; `rollback-to` goes back to a savepoint and leaves the transaction open. */
export type StatementControl =
  | 'begin'
  | 'commit'
  | 'rollback'
  | 'savepoint'
  | 'release'
  | 'rollback-to'
  | 'attach'
  | 'detach'
  | 'vacuum'
  | 'pragma';

const CONTROLS: ReadonlyMap<string, StatementControl> = new Map([
  ['BEGIN', 'begin'],
  ['COMMIT', 'commit'],
  ['END', 'commit'],
  ['ROLLBACK', 'rollback'],
  ['SAVEPOINT', 'savepoint'],
  ['RELEASE', 'release'],
  ['ATTACH', 'attach'],
  ['DETACH', 'detach'],
  ['VACUUM', 'vacuum'],
  ['PRAGMA', 'pragma'],
]);

/** What the statement with these tokens steers (the first one must mean something); undefined if it steers nothing. */
export function controlOf(tokens: readonly Token[]): StatementControl | undefined {
  const control = CONTROLS.get(keywordOf(tokens[0]));
  return control === 'rollback' && tokens.some((token) => keywordOf(token) === 'TO') ? 'rollback-to' : control;
}

/**
 * Says whether the statement is nothing but a complete `BEGIN …` or `COMMIT …`; `BEGIN UPDATE t …`, where a semicolon
 * is missing, is not: taking it for a BEGIN would lose the rest of it.
 */
export function isPlain(control: 'begin' | 'commit', tokens: readonly Token[]): boolean {
  const words = tokens
    .filter((token) => token.kind !== 'space' && token.kind !== 'comment')
    .map(keywordOf)
    .join(' ');
  return control === 'begin' ? PLAIN_BEGIN.test(words) : PLAIN_COMMIT.test(words);
}

const PLAIN_BEGIN = /^BEGIN(?: (?:DEFERRED|IMMEDIATE|EXCLUSIVE))?(?: TRANSACTION(?: \S+)?)?$/;
const PLAIN_COMMIT = /^(?:COMMIT|END)(?: TRANSACTION(?: \S+)?)?$/;
