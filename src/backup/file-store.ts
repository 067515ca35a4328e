// Backup sets in a folder: `<database id>/series/<series>/<id>/{data/…, manifest.json}`; the manifest is written last.
import { existsSync } from 'node:fs';
import { readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { err, errAsync, ok, ResultAsync, type Result } from 'neverthrow';
import { newBackupId } from '../core/brands.js';
import type { CopyReader } from '../core/ports/backup-source.js';
import type {
  BackupError,
  BackupListing,
  BackupManifest,
  BackupStore,
  StoredBackup,
  StoredDatabase,
  TakeBackup,
  VerifyProgress,
} from '../core/ports/backup-store.js';
import type { Clock, IdSource } from '../core/ports/clock.js';
import type { SqlError } from '../core/ports/session.js';
import { copyDurably, makeDirectory, makeLastingDirectory, readBack } from './durable.js';
import { readFirst, readManifest } from './read-manifest.js';
import { isAbsent, toStoreError, wordsFor } from './store-error.js';
import { corrupt, DATA, failed, SERIES, wrongShape, writeSet } from './write-set.js';

/** What keeps a copy from being checked, and says nothing about the copy. */
const PROVES_NOTHING: ReadonlySet<SqlError['kind']> = new Set(['tools-missing', 'interrupted', 'disk-full']);

export class FileBackupStore implements BackupStore {
  readonly label: string;
  readonly #root: string;
  readonly #clock: Clock;
  readonly #ids: IdSource;
  readonly #engine: string;

  constructor(root: string, clock: Clock, ids: IdSource, engine: string) {
    this.#root = path.resolve(root);
    this.#clock = clock;
    this.#ids = ids;
    this.#engine = engine;
    const relative = path.relative(process.cwd(), this.#root);
    this.label = relative.startsWith('..') ? this.#root : relative || '.';
  }

  take(request: TakeBackup): ResultAsync<StoredBackup, BackupError> {
    const id = request.id ?? newBackupId(this.#clock.now(), this.#ids.hex(8));
    const partial = path.join(this.#root, request.databaseId, 'tmp', `${id}.partial`);
    const final = path.join(this.#seriesOf(request.databaseId), id);
    return new ResultAsync(
      writeSet({ request, id, partial, final, label: this.label, clock: this.#clock, engine: this.#engine }),
    ).orElse((error) =>
      // The own partial goes; if even that fails, the next run sweeps it.
      ResultAsync.fromSafePromise(rm(partial, { recursive: true, force: true }).catch(() => undefined)).andThen(() =>
        errAsync(error),
      ),
    );
  }

  list(databaseId: string): ResultAsync<BackupListing, BackupError> {
    return this.#attempt(async () => {
      const series = this.#seriesOf(databaseId);
      const listing: { backups: StoredBackup[]; damaged: BackupListing['damaged'][number][] } = {
        backups: [],
        damaged: [],
      };
      const names = await readdir(series).catch((thrown: unknown): string[] => {
        // Backups that may not be looked at are there all the same: to call them none would be a lie at the worst time.
        if (!isAbsent(thrown))
          listing.damaged.push({
            id: SERIES,
            directory: series,
            detail: `it cannot be read: ${wordsFor(thrown).reason}`,
          });
        return [];
      });
      for (const id of names.toSorted()) {
        const directory = path.join(series, id);
        const manifest = await readManifest(directory);
        if (manifest.isErr()) listing.damaged.push({ id, directory, detail: manifest.error });
        else if (manifest.value.id !== id)
          listing.damaged.push({
            id,
            directory,
            detail: `the folder was renamed: its manifest says ${manifest.value.id}`,
          });
        else if (manifest.value.databaseId !== databaseId)
          listing.damaged.push({ id, directory, detail: 'it belongs to another database' });
        else {
          const backup = { manifest: manifest.value, directory, file: copyIn(directory, manifest.value) };
          listing.backups.push(backup);
          const detail = await cutShort(backup);
          if (detail !== undefined) listing.damaged.push({ id, directory, detail });
        }
      }
      return listing;
    });
  }

  verify(
    backup: StoredBackup,
    source: CopyReader,
    level: 'stored' | 'full',
    onProgress: VerifyProgress = (): void => undefined,
  ): ResultAsync<void, BackupError> {
    const { id, files, copy, fingerprint } = backup.manifest;
    const form = source.formOf?.(copy) ?? source.form;
    return this.#attempt(async () => ({ there: existsSync(backup.file), expected: files[0] }))
      .andThen(({ there, expected }) =>
        there && expected
          ? this.#attempt(async () => ({
              stored: await readBack(backup.file, (done) => onProgress('stored', done, expected.bytes)),
              expected,
            }))
          : errAsync(corrupt(id, 'files', 'the copy of the database is missing')),
      )
      .andThen(({ stored, expected }): Result<void, BackupError> => {
        if (stored.bytes !== expected.bytes)
          return err(corrupt(id, 'size', `${stored.bytes} bytes instead of ${expected.bytes}`));
        if (stored.sha256 !== expected.sha256)
          return err(corrupt(id, 'sha256', 'the bytes are not those that were written'));
        const wrong = wrongShape(stored, copy, form);
        return wrong === undefined ? ok(undefined) : err(corrupt(id, 'header', wrong));
      })
      .andThen(() => {
        if (level === 'stored') return ResultAsync.fromSafePromise(Promise.resolve(undefined));
        return source
          .check(backup.file, 'full', (done, total) => onProgress('content', done, total))
          .mapErr((error) =>
            error.kind === 'check-failed'
              ? corrupt(id, error.check, error.detail)
              : PROVES_NOTHING.has(error.kind)
                ? failed(this.label, error)
                : corrupt(id, form.checks.full, error.message),
          )
          .andThen(() =>
            fingerprint
              ? source.fingerprint(backup.file).mapErr((error) => failed(this.label, error))
              : ResultAsync.fromSafePromise(Promise.resolve(undefined)),
          )
          .andThen((now) =>
            now !== undefined && JSON.stringify(now) !== JSON.stringify(fingerprint)
              ? err(corrupt(id, 'content', 'the rows are not those that were backed up'))
              : ok(undefined),
          );
      });
  }

  remove(backup: StoredBackup): ResultAsync<void, BackupError> {
    return this.#attempt(async () => {
      // Out of the listing in one step, then away.
      const trash = path.join(this.#root, backup.manifest.databaseId, 'tmp', `${backup.manifest.id}.removed`);
      await makeDirectory(path.dirname(trash));
      await rename(backup.directory, trash);
      await rm(trash, { recursive: true, force: true });
    });
  }

  sweep(databaseId: string): ResultAsync<void, BackupError> {
    return this.#attempt(() => rm(path.join(this.#root, databaseId, 'tmp'), { recursive: true, force: true }));
  }

  copyOut(backup: StoredBackup, target: string): ResultAsync<void, BackupError> {
    return this.#attempt(() => copyDurably(backup.file, target));
  }

  scratch(databaseId: string, name: string): ResultAsync<string, BackupError> {
    return this.#attempt(async () => {
      const directory = path.join(this.#root, databaseId, 'tmp');
      await makeDirectory(directory);
      const file = path.join(directory, name);
      await rm(file, { force: true });
      return file;
    });
  }

  databases(wanted: string | undefined): ResultAsync<readonly StoredDatabase[], BackupError> {
    return this.#attempt(async () => {
      const names = existsSync(this.#root) ? await readdir(this.#root, { withFileTypes: true }) : [];
      const found = [];
      for (const { name } of names.filter((entry) => entry.isDirectory())) {
        const series = this.#seriesOf(name);
        const ids = existsSync(series) ? (await readdir(series)).toSorted().toReversed() : [];
        if (ids.length === 0 && !existsSync(path.join(this.#root, name, 'journal.ndjson'))) continue;
        const newest = await readFirst(ids.map((id) => path.join(series, id)));
        found.push({
          databaseId: name,
          matches: wanted !== undefined && newest?.database.path === wanted,
          path: newest?.database.path ?? '',
          present: existsSync(newest?.database.path ?? ''),
          newest: newest?.id ?? '',
        });
      }
      return found.toSorted((a, b) => Number(b.matches) - Number(a.matches) || (a.newest < b.newest ? 1 : -1));
    });
  }

  freeBytes(): ResultAsync<number, BackupError> {
    return this.#attempt(async () => {
      await makeLastingDirectory(this.#root);
      const { bavail, bsize } = await statfs(this.#root);
      return bavail * bsize;
    });
  }

  #seriesOf(databaseId: string): string {
    return path.join(this.#root, databaseId, 'series', SERIES);
  }

  #attempt<T>(work: () => Promise<T>): ResultAsync<T, BackupError> {
    return ResultAsync.fromPromise(work(), (thrown) => toStoreError(this.label, thrown));
  }
}

/** What can be seen of a copy without reading it. */
async function cutShort({ file, manifest }: StoredBackup): Promise<string | undefined> {
  const bytes = manifest.files[0]?.bytes;
  const there = await stat(file).catch(() => undefined);
  if (there === undefined) return 'the copy of the database is missing';
  return there.size === bytes ? undefined : `its copy has ${there.size} bytes instead of ${bytes ?? 0}`;
}

/** Where a set's copy is; never outside of the set, whatever its manifest says. */
const copyIn = (directory: string, { files }: BackupManifest): string =>
  path.join(directory, DATA, path.posix.basename(files[0]?.path ?? ''));
