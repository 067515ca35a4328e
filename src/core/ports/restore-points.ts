// Named moments of a server that archives its log: whoever has that archive can bring the whole server back to one of them.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from './session.js';

export interface RestorePoint {
  readonly name: string;
  /** Its place in the server's log. */
  readonly lsn: string;
}

export interface RestorePoints {
  /** Why a restore point would be of no use here, or could not be set; undefined where nothing stands in the way. */
  obstacle(): ResultAsync<string | undefined, SqlError>;
  set(name: string): ResultAsync<RestorePoint, SqlError>;
}
