// What tests leave behind on purpose, a server among it: written down by whichever process made it, and taken away at the end
// by the one that started them all.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const LIST = 'MIGRATE_SAFE_TEST_LEFT';

/** The folder goes after the last test, and a PostgreSQL server whose cluster is in it ends. */
export function removeAtEnd(folder: string): void {
  const list = process.env[LIST];
  if (list === undefined) throw new Error('there is no run of tests that has an end');
  appendFileSync(list, `${folder}\n`);
}

export function beginList(): void {
  process.env[LIST] = path.join(mkdtempSync(path.join(tmpdir(), 'migrate-safe-left-')), 'folders');
}

export function removeAll(): void {
  const list = process.env[LIST] ?? '';
  const folders = existsSync(list) ? readFileSync(list, 'utf8').split('\n').filter(Boolean) : [];
  for (const folder of [...folders, path.dirname(list)]) {
    endServer(path.join(folder, 'data', 'postmaster.pid'));
    // Its processes may still write for a moment.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

function endServer(lock: string): void {
  const pid = existsSync(lock) ? Number(readFileSync(lock, 'utf8').split('\n')[0]) : 0;
  if (pid === 0) return;
  try {
    process.kill(pid, 'SIGQUIT');
  } catch {
    // It has ended by itself.
  }
}
