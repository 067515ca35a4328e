// A real process that restores, reverts, or runs a step without a transaction, and kills itself before its n-th call to driver or file system.
import fsp from 'node:fs/promises';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { createMigrateSafe, MigrationStep } from 'migrate-safe';

export interface ActionOrder {
  readonly action: 'restore' | 'restore-table' | 'down' | 'up';
  readonly file: string;
  readonly backups: string;
  readonly driver: 'sqlite3' | 'better-sqlite3';
  /** Number of the call before which the process dies; 0 never. */
  readonly killAt: number;
}

/** Two steps that change all rows, the second outside of a transaction where `outside` says so. */
export const actionSteps = (outside: boolean): MigrationStep[] => [
  new MigrationStep(1, 'twice', {
    apply: (knex) => knex.raw('UPDATE items SET amount = amount * 2'),
    revert: (knex) => knex.raw('UPDATE items SET amount = amount / 2'),
  }),
  new MigrationStep(2, 'more', {
    apply: async (knex) => {
      await knex.raw('UPDATE items SET amount = amount + 1000 WHERE id <= 250');
      await knex.raw('UPDATE items SET amount = amount + 1000 WHERE id > 250');
      await knex.raw('CREATE TABLE more (id INTEGER PRIMARY KEY)');
    },
    revert: async (knex) => {
      await knex.raw('UPDATE items SET amount = amount - 1000');
      await knex.raw('DROP TABLE more');
    },
    ...(outside ? { transaction: 'none' as const } : {}),
  }),
];

const isMain = process.argv[1]?.endsWith('crash-actions-child.js') === true;
if (isMain) {
  const order = JSON.parse(process.argv[2] ?? '{}') as ActionOrder;
  const require = createRequire(import.meta.url);
  let calls = 0;
  let armed = false;
  type Methods = Record<string, (...args: unknown[]) => unknown>;
  const tap = (target: Methods, names: readonly string[]): void => {
    for (const name of names) {
      const original = target[name];
      if (original === undefined) throw new Error(`no method ${name} to tap`);
      target[name] = function tapped(this: unknown, ...args: unknown[]) {
        if (armed && ++calls === order.killAt) process.kill(process.pid, 'SIGKILL');
        return original.apply(this, args);
      };
    }
  };
  if (order.driver === 'sqlite3')
    tap((require('sqlite3') as { Database: { prototype: Methods } }).Database.prototype, [
      'all',
      'run',
      'backup',
      'close',
    ]);
  else tap((require('better-sqlite3') as { prototype: Methods }).prototype, ['prepare', 'backup', 'close']);
  tap(fsp as unknown as Methods, ['open', 'rename', 'mkdir', 'readdir', 'rm', 'readFile']);
  syncBuiltinESMExports();

  const safe = createMigrateSafe({
    database: `sqlite:${order.file}?driver=${order.driver}`,
    backups: order.backups,
    steps: actionSteps(order.action === 'up'),
    lockWait: '30s',
  });
  armed = true;
  const choice = { beforeStep: '2' } as const;
  const outcome =
    order.action === 'down'
      ? (await safe.down()).map(() => 0)
      : order.action === 'up'
        ? (await safe.up()).map(() => 0)
        : (await safe.restore(order.action === 'restore' ? { choice } : { choice, tables: ['items'] })).map(() => 0);
  armed = false;
  process.stdout.write(
    JSON.stringify({
      calls,
      ok: outcome.isOk(),
      ...(outcome.isErr()
        ? { kind: outcome.error.kind, message: outcome.error.message, hint: outcome.error.hint }
        : {}),
    }),
  );
  void (await safe.close());
}
