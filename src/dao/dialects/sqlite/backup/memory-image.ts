// A before-image for a database in memory, which no second connection can reach: a copy in a temporary file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SqliteConnection } from '../drivers/driver.js';

export class MemoryImage {
  readonly file: string;
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.file = path.join(directory, 'before.sqlite');
  }

  /** Copies what the connection has committed. */
  static of(connection: SqliteConnection): ResultAsync<MemoryImage, SqlError> {
    const image = new MemoryImage(mkdtempSync(path.join(tmpdir(), 'migrate-safe-')));
    return connection.copyTo(image.file, () => undefined).map(() => image);
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
