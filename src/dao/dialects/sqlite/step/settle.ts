// The settings of a connection that a safe step runs under.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import { inOrder } from '../../../in-order.js';
import type { StepTransactionOptions } from '../../../../core/ports/database.js';
import type { Session, SqlError } from '../../../../core/ports/session.js';

type Settings = Readonly<Record<'foreign_keys' | 'legacy_alter_table' | 'cache_spill', 'ON' | 'OFF'>>;
type Setting = keyof Settings;
const SETTINGS: readonly Setting[] = ['foreign_keys', 'legacy_alter_table', 'cache_spill'];

/** Sets what is not yet so, and reads it back: a setting that did not take is a reason not to begin. Outside of a transaction only. */
export function settle(
  session: Session,
  { foreignKeys, transactional, comparesWith }: StepTransactionOptions,
): ResultAsync<void, SqlError> {
  const wanted: Settings = {
    foreign_keys: foreignKeys === 'on' ? 'ON' : 'OFF',
    legacy_alter_table: 'ON',
    // In rollback mode a spilled page locks readers out, and the one that compares would be such a reader.
    cache_spill: transactional && comparesWith === 'live' ? 'OFF' : 'ON',
  };
  return differing(session, wanted).andThen((settings) => {
    if (settings.length === 0) return okAsync(undefined);
    return inOrder(settings, (setting) => session.run(`PRAGMA ${setting} = ${wanted[setting]}`))
      .andThen(() => differing(session, wanted))
      .andThen((refused) => (refused.length === 0 ? okAsync(undefined) : errAsync(NOT_TAKEN)));
  });
}

function differing(session: Session, wanted: Settings): ResultAsync<readonly Setting[], SqlError> {
  const columns = SETTINGS.map((setting) => `(SELECT ${setting} FROM pragma_${setting}) AS ${setting}`);
  // `cache_spill` answers with a number of pages where it is on.
  return session
    .all<Record<Setting, number>>(`SELECT ${columns.join(', ')}`)
    .map(([now]) =>
      SETTINGS.filter((setting) => now === undefined || (now[setting] !== 0) !== (wanted[setting] === 'ON')),
    );
}

const NOT_TAKEN: SqlError = {
  kind: 'other',
  code: 'SQLITE_ERROR',
  message: 'the connection did not take the settings that a safe step needs',
};
