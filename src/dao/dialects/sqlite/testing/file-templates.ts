// Databases for tests as files: a template in a folder of this process below the system's temporary one, and its copies.
import { constants, copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import type { Copy, Templates } from '../../../testing/templates.js';
import { installedDriver, type DriverName } from '../drivers/load-driver.js';

/** `migrate-safe-testing-HOST-PID-STARTED-random`: whose it is can be told when that process is gone. */
const PREFIX = `migrate-safe-testing-${hostname().replaceAll(/[^A-Za-z0-9]/g, '_')}-`;
const STARTED = Math.round(Date.now() / 1000 - process.uptime());
/** Clocks are set, and seconds rounded. */
const SAME_START = 5;

export class FileTemplates implements Templates {
  readonly #driver: DriverName;
  #folder: string | undefined;
  #copies = 0;

  constructor(driver: DriverName | undefined) {
    this.#driver = driver ?? installedDriver();
  }

  begin(): Promise<string> {
    for (const name of readdirSync(tmpdir())) if (isLeftBehind(name)) remove(path.join(tmpdir(), name));
    this.#folder = mkdtempSync(path.join(tmpdir(), `${PREFIX}${process.pid}-${STARTED}-`));
    const file = this.#template(this.#folder);
    // An empty file is an empty database, and nobody else makes it where there are no steps.
    writeFileSync(file, '');
    return Promise.resolve(this.#url(file));
  }

  copy(): Promise<Copy> {
    if (this.#folder === undefined) return Promise.reject(new Error('there is no template: it has been closed'));
    this.#copies += 1;
    const file = path.join(this.#folder, `${this.#copies}.db`);
    copyFileSync(this.#template(this.#folder), file, constants.COPYFILE_FICLONE);
    const remove = (): void => {
      for (const end of ['', '-wal', '-shm', '-journal', '-migrate-lock']) rmSync(`${file}${end}`, { force: true });
    };
    return Promise.resolve({ url: this.#url(file), remove: () => Promise.resolve(remove()) });
  }

  close(): Promise<void> {
    this.abandon();
    return Promise.resolve();
  }

  abandon(): void {
    if (this.#folder !== undefined) remove(this.#folder);
    this.#folder = undefined;
  }

  #template(folder: string): string {
    return path.join(folder, 'template.db');
  }

  #url(file: string): string {
    return `sqlite:${file}?driver=${this.#driver}`;
  }
}

/** On Windows a file that is still open stays; the next run takes it. */
function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Somebody else is removing it as well, or may not be prevented from using it.
  }
}

/** A folder of this kit on this machine, whose process is gone. */
export function isLeftBehind(name: string): boolean {
  if (!name.startsWith(PREFIX)) return false;
  const owner = /^(\d+)-(\d+)-\w{6}$/.exec(name.slice(PREFIX.length));
  if (owner === null) return false;
  const [pid, started] = [Number(owner[1]), Number(owner[2])];
  // Where a container starts again, its processes have the numbers that they had.
  return pid === process.pid ? Math.abs(started - STARTED) > SAME_START : !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
