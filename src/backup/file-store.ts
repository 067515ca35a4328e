// Backup sets in a folder: `<database id>/series/<series>/<id>/{data/…, manifest.json}`; the manifest is written last.
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { err, errAsync, ok, ResultAsync, type Result } from 'neverthrow';
import { newBackupId } from '../core/brands.js';
import type { BackupSource } from '../core/ports/backup-source.js';
import type { BackupError, BackupListing, BackupManifest, BackupStore, StoredBackup, TakeBackup } from '../core/ports/backup-store.js';
import type { Clock, IdSource } from '../core/ports/clock.js';
import { copyDurably, createExclusive, makeDirectory, readBack, renameDurably, syncDirectory, syncFile, writeDurably } from './durable.js';
import { parseManifest, seal } from './manifest.js';
import { toStoreError } from './store-error.js';

const SERIES = 'db';
const DATA_FILE = path.join('data', 'database.sqlite');
const SQLITE_HEADER = Buffer.from('SQLite format 3\0', 'latin1');

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
    const id = newBackupId(this.#clock.now(), this.#ids.hex(8));
    const partial = path.join(this.#root, request.databaseId, 'tmp', `${id}.partial`);
    const final = path.join(this.#seriesOf(request.databaseId), id);
    return new ResultAsync(this.#write(request, id, partial, final)).orElse((error) =>
      // The own partial goes; if even that fails, the next run sweeps it.
      ResultAsync.fromSafePromise(rm(partial, { recursive: true, force: true }).catch(() => undefined)).andThen(() => errAsync(error)),
    );
  }

  async #write(request: TakeBackup, id: string, partial: string, final: string): Promise<Result<StoredBackup, BackupError>> {
    const { source, verify } = request;
    const file = path.join(partial, DATA_FILE);
    try {
      await makeDirectory(path.dirname(file));
      await createExclusive(file);
      const copied = await source.copyTo(file, request.onProgress);
      if (copied.isErr()) return err(this.#failed(copied.error));
      await syncFile(file);
      // Structure and digest are read side by side: both only read, and nobody else knows the file yet.
      const [stored, checked] = await Promise.all([readBack(file), source.check(file, verify)]);
      if (checked.isErr()) {
        const { error } = checked;
        return err(error.kind === 'check-failed' ? corrupt(id, error.check, error.detail) : this.#failed(error));
      }
      const copy = checked.value;
      const wrong = wrongShape(stored, copy);
      if (wrong !== undefined) return err(corrupt(id, 'header', wrong));
      const content = verify === 'full' ? await source.fingerprint(file) : undefined;
      if (content?.isErr()) return err(this.#failed(content.error));
      const checks = ['header', 'size', 'sha256', verify === 'full' ? 'integrity_check' : 'quick_check', ...(content ? ['content'] : [])];
      const manifest = seal({
        format: 1,
        id,
        series: SERIES,
        kind: 'file',
        databaseId: request.databaseId,
        database: request.database,
        engine: this.#engine,
        driver: request.driver,
        createdAt: this.#clock.now().toISOString(),
        reason: request.reason,
        journal: request.journal,
        files: [{ path: 'data/database.sqlite', bytes: stored.bytes, sha256: stored.sha256 }],
        copy,
        verified: { at: this.#clock.now().toISOString(), checks },
        ...(content?.isOk() ? { fingerprint: content.value } : {}),
      });
      const text = `${JSON.stringify(manifest, null, 2)}\n`;
      await writeDurably(path.join(partial, 'manifest.copy.json'), text);
      await writeDurably(path.join(partial, 'manifest.json'), text);
      await syncDirectory(path.dirname(file));
      await syncDirectory(partial);
      await renameDurably(partial, final);
      return ok({ manifest, directory: final, file: path.join(final, DATA_FILE) });
    } catch (thrown) {
      return err(toStoreError(this.label, thrown));
    }
  }

  list(databaseId: string): ResultAsync<BackupListing, BackupError> {
    return this.#attempt(async () => {
      const series = this.#seriesOf(databaseId);
      const names = existsSync(series) ? (await readdir(series)).toSorted() : [];
      const listing: { backups: StoredBackup[]; damaged: BackupListing['damaged'][number][] } = { backups: [], damaged: [] };
      for (const id of names) {
        const directory = path.join(series, id);
        const manifest = await readManifest(directory);
        if (manifest.isErr()) listing.damaged.push({ id, directory, detail: manifest.error });
        else if (manifest.value.id !== id) listing.damaged.push({ id, directory, detail: `the folder was renamed: its manifest says ${manifest.value.id}` });
        else if (manifest.value.databaseId !== databaseId) listing.damaged.push({ id, directory, detail: 'it belongs to another database' });
        else listing.backups.push({ manifest: manifest.value, directory, file: path.join(directory, DATA_FILE) });
      }
      return listing;
    });
  }

  verify(backup: StoredBackup, source: Pick<BackupSource, 'check' | 'fingerprint'>, level: 'stored' | 'full'): ResultAsync<void, BackupError> {
    const { id, files, copy, fingerprint } = backup.manifest;
    return this.#attempt(async () => ({ there: existsSync(backup.file), expected: files[0] }))
      .andThen(({ there, expected }) =>
        there && expected
          ? this.#attempt(async () => ({ stored: await readBack(backup.file), expected }))
          : errAsync(corrupt(id, 'files', 'the copy of the database is missing')),
      )
      .andThen(({ stored, expected }): Result<void, BackupError> => {
        if (stored.bytes !== expected.bytes) return err(corrupt(id, 'size', `${stored.bytes} bytes instead of ${expected.bytes}`));
        if (stored.sha256 !== expected.sha256) return err(corrupt(id, 'sha256', 'the bytes are not those that were written'));
        const wrong = wrongShape(stored, copy);
        return wrong === undefined ? ok(undefined) : err(corrupt(id, 'header', wrong));
      })
      .andThen(() => {
        if (level === 'stored') return ResultAsync.fromSafePromise(Promise.resolve(undefined));
        return source
          .check(backup.file, 'full')
          .mapErr((error) => (error.kind === 'check-failed' ? corrupt(id, error.check, error.detail) : corrupt(id, 'integrity_check', error.message)))
          .andThen(() => (fingerprint ? source.fingerprint(backup.file).mapErr((error) => this.#failed(error)) : ResultAsync.fromSafePromise(Promise.resolve(undefined))))
          .andThen((now) =>
            now !== undefined && JSON.stringify(now) !== JSON.stringify(fingerprint) ? err(corrupt(id, 'content', 'the rows are not those that were backed up')) : ok(undefined),
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

  databases(wanted: string | undefined): ResultAsync<readonly { readonly databaseId: string; readonly matches: boolean }[], BackupError> {
    return this.#attempt(async () => {
      const names = existsSync(this.#root) ? await readdir(this.#root, { withFileTypes: true }) : [];
      const found = [];
      for (const { name } of names.filter((entry) => entry.isDirectory())) {
        const series = this.#seriesOf(name);
        const ids = existsSync(series) ? (await readdir(series)).toSorted().toReversed() : [];
        if (ids.length === 0 && !existsSync(path.join(this.#root, name, 'journal.ndjson'))) continue;
        const newest = await readFirst(ids.map((id) => path.join(series, id)));
        found.push({ databaseId: name, matches: wanted !== undefined && newest?.database.path === wanted, newest: newest?.id ?? '' });
      }
      return found.toSorted((a, b) => Number(b.matches) - Number(a.matches) || (a.newest < b.newest ? 1 : -1));
    });
  }

  freeBytes(): ResultAsync<number, BackupError> {
    return this.#attempt(async () => {
      await makeDirectory(this.#root);
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

  #failed(error: { readonly kind: string; readonly message: string }): BackupError {
    return { kind: 'store-failed', directory: this.label, reason: error.message, diskFull: error.kind === 'disk-full', cause: error };
  }
}

const corrupt = (backupId: string, check: string, detail: string): BackupError => ({ kind: 'backup-corrupt', backupId, check, detail });

/** What is wrong with the bytes of a copy, seen without SQLite. */
function wrongShape(stored: { readonly bytes: number; readonly head: Buffer }, copy: BackupManifest['copy']): string | undefined {
  if (!stored.head.equals(SQLITE_HEADER)) return 'the copy does not begin as a SQLite database does';
  const expected = copy.pageSize * copy.pageCount;
  return stored.bytes === expected ? undefined : `${stored.bytes} bytes, but its header says ${expected}`;
}

/** The manifest, or its copy if the first cannot be read. */
async function readManifest(directory: string): Promise<Result<BackupManifest, string>> {
  const attempts: string[] = [];
  for (const name of ['manifest.json', 'manifest.copy.json']) {
    const file = path.join(directory, name);
    if (!(await stat(file).catch(() => undefined))) {
      attempts.push('it has no manifest');
      continue;
    }
    const parsed = parseManifest(await readFile(file, 'utf8'));
    if (parsed.isOk()) return parsed;
    attempts.push(parsed.error);
  }
  return err(attempts[0] ?? 'it has no manifest');
}

async function readFirst(directories: readonly string[]): Promise<BackupManifest | undefined> {
  for (const directory of directories) {
    const manifest = await readManifest(directory);
    if (manifest.isOk()) return manifest.value;
  }
  return undefined;
}
