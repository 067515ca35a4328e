// Stands for a database whose configuration is not valid: every use of it gives the reason.
import { err, errAsync, type Result, type ResultAsync } from 'neverthrow';
import type { CopyFiles } from './core/ports/backup-source.js';
import type { Database, DatabaseInfo, OpenDatabase, OpenError } from './core/ports/database.js';
import type { RunLock } from './core/ports/run-lock.js';
import type { SqlError } from './core/ports/session.js';
import type { ConfigError } from './config.js';

export class UnconfiguredDatabase implements Database {
  readonly info: DatabaseInfo = { label: '(not configured)', dialect: '', driver: '' };
  readonly #error: ConfigError;

  constructor(error: ConfigError) {
    this.#error = error;
  }

  open(): ResultAsync<OpenDatabase, OpenError> {
    return errAsync(this.#error);
  }

  copies(): ResultAsync<CopyFiles, OpenError> {
    return errAsync(this.#error);
  }

  lock(): Result<RunLock | undefined, OpenError> {
    return err(this.#error);
  }

  replaceWith(): ResultAsync<{ readonly movedAside: readonly string[] }, SqlError> {
    return errAsync({ kind: 'cannot-open', code: '', message: this.#error.issues.join('; ') });
  }
}
