// A real process that migrates, and that kills itself with SIGKILL before its n-th call to the driver or the file system.
import fsp from 'node:fs/promises';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { createMigrateSafe } from 'migrate-safe';
import { crashSteps } from './crash-steps.js';

export interface CrashOrder {
  readonly file: string;
  readonly backups: string;
  readonly driver: 'sqlite3' | 'better-sqlite3';
  /** Number of the call before which the process dies; 0 never. */
  readonly killAt: number;
  /** How long each step lingers inside its transaction, so that a random instant can hit it. */
  readonly lingerMs: number;
  /** A folder of step files to run instead, with one backup for all of them. */
  readonly steps?: string;
}

const order = JSON.parse(process.argv[2] ?? '{}') as CrashOrder;
const require = createRequire(import.meta.url);
let calls = 0;
let armed = false;

function boundary(): void {
  if (!armed) return;
  calls += 1;
  if (calls === order.killAt) process.kill(process.pid, 'SIGKILL');
}

type Methods = Record<string, (...args: unknown[]) => unknown>;
function tap(target: Methods, names: readonly string[]): void {
  for (const name of names) {
    const original = target[name];
    if (original === undefined) throw new Error(`no method ${name} to tap`);
    target[name] = function tapped(this: unknown, ...args: unknown[]) {
      boundary();
      return original.apply(this, args);
    };
  }
}

if (order.driver === 'sqlite3') {
  const sqlite3 = require('sqlite3') as { Database: { prototype: Methods } };
  tap(sqlite3.Database.prototype, ['all', 'run', 'backup', 'close']);
} else {
  const Database = require('better-sqlite3') as { prototype: Methods };
  tap(Database.prototype, ['prepare', 'backup', 'close']);
}
tap(fsp as unknown as Methods, ['open', 'rename', 'mkdir', 'readdir', 'rm', 'readFile']);
syncBuiltinESMExports();

const safe = createMigrateSafe({
  database: `sqlite:${order.file}?driver=${order.driver}`,
  backups: order.backups,
  ...(order.steps === undefined
    ? { steps: crashSteps(order.lingerMs) }
    : { steps: order.steps, fileBackup: 'each-run' as const }),
  lockWait: '60s',
});
armed = true;
const outcome = await safe.up();
armed = false;
outcome.match(
  (report) =>
    process.stdout.write(
      `${JSON.stringify({ ok: true, calls, applied: report.applied.map(({ version }) => version) })}\n`,
    ),
  (error) => {
    process.stdout.write(`${JSON.stringify({ ok: false, calls, kind: error.kind, message: error.message })}\n`);
    process.exitCode = error.exitCode;
  },
);
void (await safe.close());
