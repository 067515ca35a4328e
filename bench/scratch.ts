// The benchmark's own folder below the system's temporary one: everything is made in it, and it goes at the end.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export class Scratch {
  readonly #root = mkdtempSync(path.join(tmpdir(), 'migrate-safe-bench-'));
  readonly #shared = new Map<string, Promise<unknown>>();
  readonly #endings: (() => Promise<void>)[] = [];
  #folders = 0;

  /** A new folder that nobody else uses. */
  folder(): string {
    this.#folders += 1;
    const folder = path.join(this.#root, String(this.#folders));
    mkdirSync(folder);
    return folder;
  }

  /** What rows share is made by the first that needs it. Each `key` stands for one type. */
  once<T>(key: string, make: () => Promise<T>): Promise<T> {
    const made = this.#shared.get(key) ?? make();
    this.#shared.set(key, made);
    return made as Promise<T>;
  }

  /** What was started for rows is stopped at the end. */
  atEnd(ending: () => Promise<void>): void {
    this.#endings.push(ending);
  }

  remove(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
  }

  /** Stops and removes everything. */
  async end(): Promise<void> {
    for (const ending of this.#endings.toReversed()) await ending();
    this.remove(this.#root);
  }
}
