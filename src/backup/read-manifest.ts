// Finds the manifest of a backup set on disk.
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { err, type Result } from 'neverthrow';
import type { BackupManifest } from '../core/ports/backup-store.js';
import { parseManifest } from './manifest.js';

/** The manifest, or its copy if the first cannot be read. */
export async function readManifest(directory: string): Promise<Result<BackupManifest, string>> {
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

/** The first of the sets whose manifest can be read. */
export async function readFirst(directories: readonly string[]): Promise<BackupManifest | undefined> {
  for (const directory of directories) {
    const manifest = await readManifest(directory);
    if (manifest.isOk()) return manifest.value;
  }
  return undefined;
}
