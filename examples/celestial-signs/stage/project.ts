// A project folder as a developer has it: configuration, steps and backups, and the command run in it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { printed, typed } from './terminal.js';

const PACKAGE = import.meta.resolve('migrate-safe/package.json');
const { bin } = JSON.parse(readFileSync(new URL(PACKAGE), 'utf8')) as { bin: { 'migrate-safe': string } };
const COMMAND = fileURLToPath(new URL(bin['migrate-safe'], PACKAGE));
/** The compiler does not copy .sql files: they are read where they are written, also by the compiled example. */
const WRITTEN = fileURLToPath(new URL('examples/celestial-signs/', PACKAGE));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  /** All that it printed, progress included. */
  readonly text: string;
}

export class Project {
  readonly folder: string;
  readonly migrations: string;
  readonly backups: string;

  constructor(folder: string) {
    this.folder = folder;
    this.migrations = path.join(folder, 'migrations');
    this.backups = path.join(folder, 'backups');
  }

  /** The example's configuration and steps. */
  async create(): Promise<void> {
    await cp(path.join(WRITTEN, 'migrations'), this.migrations, { recursive: true });
    await copyFile(path.join(WRITTEN, 'migrate-safe.config.ts'), path.join(this.folder, 'migrate-safe.config.ts'));
  }

  /** Adds a step of a later release to the project, as its developer wrote it. */
  async add(release: string, ...files: readonly string[]): Promise<void> {
    for (const file of files)
      await copyFile(path.join(WRITTEN, 'releases', release, file), path.join(this.migrations, file));
  }

  async remove(...files: readonly string[]): Promise<void> {
    for (const file of files) await rm(path.join(this.migrations, file), { force: true });
  }

  /** Runs `migrate-safe …` on a database, and shows it. The URL goes the way of secrets: not by an argument. */
  async command(url: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
    typed(['migrate-safe', ...args].join(' '));
    const outcome = await this.#run(url, args, env);
    printed(outcome.text === '' ? '(prints nothing)' : outcome.text);
    return outcome;
  }

  /** The document that `migrate-safe … --json` prints, unseen. */
  async ask<T>(url: string, args: readonly string[]): Promise<T> {
    const { stdout, text } = await this.#run(url, [...args, '--json'], {});
    if (stdout === '') throw new Error(`migrate-safe ${args.join(' ')} printed no document: ${text}`);
    return JSON.parse(stdout) as T;
  }

  async #run(url: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Outcome> {
    const own = Object.entries(process.env).filter(
      ([name]) => !/^(MIGRATE_SAFE_|DATABASE_URL$|FORCE_COLOR$)/.test(name),
    );
    const child = spawn(process.execPath, [COMMAND, ...args], {
      cwd: this.folder,
      env: { ...Object.fromEntries(own), NO_COLOR: '1', DATABASE_URL: url, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, text] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => ([stdout, text] = [stdout + chunk, text + chunk]));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, text };
  }
}
