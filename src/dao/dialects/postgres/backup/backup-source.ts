// The PostgreSQL side of backups: dumping into an archive, checking copies, comparing them with the live database.
import type { ResultAsync } from 'neverthrow';
import type {
  BackupSource,
  CheckError,
  ContentFingerprint,
  CopyEffort,
  CopyFacts,
  CopyForm,
  CopyProgress,
  RowsAtStake,
} from '../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { rowsAtStake } from './at-stake.js';
import { KnownContents } from './archive-content.js';
import { fingerprintClone } from './clone/content.js';
import { CLONE_FORM, isNote } from './clone/note.js';
import { checkClone } from './clone/proof.js';
import { checkArchive, COPY_FORM, fingerprintArchive } from './copy-check.js';
import { dump } from './dump.js';
import type { PostgresServer } from './server.js';

export class PostgresBackupSource implements BackupSource {
  readonly supported = true;
  readonly form = COPY_FORM;
  /** What was read whole is not read again. */
  readonly contents = new KnownContents();
  readonly #server: PostgresServer;
  readonly #snapshot: string | undefined;

  /** `snapshot`: exported by a transaction that outlives the copy, which then has what that transaction sees. */
  constructor(server: PostgresServer, snapshot?: string) {
    this.#server = server;
    this.#snapshot = snapshot;
  }

  size(): ResultAsync<number, SqlError> {
    return this.effort().map(({ copyBytes }) => copyBytes);
  }

  readonly effort = (): ResultAsync<CopyEffort, SqlError> =>
    this.#server
      .withConnection((connection) => connection.all<{ bytes: number }>(SIZE))
      .map(([row]) => {
        const databaseBytes = row?.bytes ?? 0;
        const copyBytes = Math.ceil(databaseBytes * COMPRESSED);
        return { databaseBytes, copyBytes, copyMs: Math.ceil(databaseBytes / BYTES_PER_MS) };
      });

  copyTo(file: string, onProgress: CopyProgress, signal?: AbortSignal): ResultAsync<void, SqlError> {
    return this.size().andThen((estimate) =>
      this.#server.withTools((toolbox) =>
        dump({ toolbox, file, snapshot: this.#snapshot, estimate, onProgress, signal }),
      ),
    );
  }

  formOf(copy: CopyFacts): CopyForm {
    return 'clone' in copy ? CLONE_FORM : COPY_FORM;
  }

  check(file: string, level: 'quick' | 'full', onProgress?: CopyProgress): ResultAsync<CopyFacts, CheckError> {
    if (isNote(file)) return checkClone(this.#server, file);
    return checkArchive(file, level, this.contents, onProgress);
  }

  fingerprint(file: string): ResultAsync<ContentFingerprint, SqlError> {
    return isNote(file) ? fingerprintClone(this.#server, file) : fingerprintArchive(file, this.contents);
  }

  atStake(file: string, tables: readonly string[] | 'all'): ResultAsync<readonly RowsAtStake[], SqlError> {
    return rowsAtStake(this.#server, file, tables, this.contents);
  }
}

const SIZE = `SELECT pg_catalog.pg_database_size(pg_catalog.current_database()) AS bytes`;
/** Rows compress, and indexes are not in an archive: a third of the whole is seldom too little. */
const COMPRESSED = 1 / 3;
/** 40 MB a second, with the check of the archive. */
const BYTES_PER_MS = 40_000;
