// A project in a temporary folder, and the command run in it as a process of its own.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

export interface CommandOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The document on stdout; a test that asks for it where there is none fails. */
  json<T = Record<string, unknown>>(): T;
}

export class CliProject {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-cli-'));

  /** Runs `migrate-safe …` here; nothing of this process's own settings reaches it. */
  run(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    cwd = this.directory,
  ): Promise<CommandOutcome> {
    return this.#spawn(args, env, cwd);
  }

  /** Sends SIGINT once `seen` stands on stderr. */
  interrupted(args: readonly string[], seen: string, signal: NodeJS.Signals = 'SIGINT'): Promise<CommandOutcome> {
    return this.#spawn(args, {}, this.directory, { seen, signal });
  }

  /** A command that is killed some time later. */
  killable(args: readonly string[], env: Readonly<Record<string, string>>): { kill(): Promise<void> } {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: this.directory,
      env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC', ...env },
      stdio: 'ignore',
    });
    const gone = new Promise<void>((resolve) => child.on('exit', () => resolve()));
    return {
      kill: () => {
        child.kill('SIGKILL');
        return gone;
      },
    };
  }

  /** Reads the first piece of stdout and closes the pipe, as `| head -n 1` does; resolves when the command has ended. */
  untilFirstOutput(args: readonly string[]): Promise<number | null> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [MAIN, ...args], {
        cwd: this.directory,
        env: { PATH: process.env['PATH'] ?? '' },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      child.stdout.once('data', () => child.stdout.destroy());
      child.on('error', reject);
      child.on('exit', resolve);
    });
  }

  #spawn(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    cwd: string,
    interrupt?: { readonly seen: string; readonly signal: NodeJS.Signals },
  ): Promise<CommandOutcome> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [MAIN, ...args], {
        cwd,
        env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const texts = { stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (texts.stdout += chunk));
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        const before = interrupt !== undefined && texts.stderr.includes(interrupt.seen);
        texts.stderr += chunk;
        // A moment later, so that the step itself is under way.
        if (!before && interrupt !== undefined && texts.stderr.includes(interrupt.seen))
          setTimeout(() => child.kill(interrupt.signal), 500);
      });
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, ...texts, json: <T>() => JSON.parse(texts.stdout) as T }));
    });
  }

  /** The same with `--database sqlite:app.db`. */
  app(...args: readonly string[]): Promise<CommandOutcome> {
    return this.run([...args, '--database', 'sqlite:app.db']);
  }

  write(name: string, text: string): void {
    const file = this.path(name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  path(name: string): string {
    return path.join(this.directory, name);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A shop with customers and orders, in two steps that can be undone. */
export function writeShop(project: CliProject): void {
  project.write(
    'migrations/0001_shop.up.sql',
    `CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id) ON DELETE CASCADE);
INSERT INTO customers (name) VALUES ('Ada'), ('Grace'), ('Barbara');
INSERT INTO orders (customer_id) VALUES (1), (1), (2);
`,
  );
  project.write('migrations/0001_shop.down.sql', 'DROP TABLE orders;\nDROP TABLE customers;\n');
  project.write('migrations/0002_email.up.sql', 'ALTER TABLE customers ADD COLUMN email TEXT;\n');
  project.write('migrations/0002_email.down.sql', 'ALTER TABLE customers DROP COLUMN email;\n');
}
