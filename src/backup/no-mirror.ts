// The mirror of a database in memory: there is none, for nothing of such a database outlives its process.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { StoredEvent } from '../core/events/envelope.js';
import type { JournalMirror, MirrorError } from '../core/ports/backup-store.js';

export class NoMirror implements JournalMirror {
  read(): ResultAsync<StoredEvent[], MirrorError> {
    return okAsync([]);
  }

  append(): ResultAsync<void, MirrorError> {
    return okAsync(undefined);
  }

  close(): ResultAsync<void, MirrorError> {
    return okAsync(undefined);
  }
}
