// Loads the driver `pg` when it is needed: the application's own, or the one beside this package.
import { err, ok, type Result } from 'neverthrow';
import type { OpenError } from '../../../core/ports/database.js';
import { requirers } from '../../requirers.js';

export type PostgresDriver = Pick<typeof import('pg'), 'Client' | 'types'>;

let loaded: PostgresDriver | undefined;

export function loadDriver(): Result<PostgresDriver, Extract<OpenError, { kind: 'driver-missing' }>> {
  if (loaded) return ok(loaded);
  let cause: unknown;
  for (const require of requirers()) {
    try {
      loaded = require('pg') as PostgresDriver;
      return ok(loaded);
    } catch (thrown) {
      if (!isMissing(thrown)) cause = thrown;
    }
  }
  return err({ kind: 'driver-missing', driver: 'pg', cause });
}

const isMissing = (thrown: unknown): boolean =>
  thrown instanceof Error && 'code' in thrown && thrown.code === 'MODULE_NOT_FOUND';
