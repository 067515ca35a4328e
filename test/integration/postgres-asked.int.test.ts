// What a run of several steps asks of PostgreSQL: what is known is not asked again.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe } from 'migrate-safe';
import pg from 'pg';
import { binaries, makeCluster } from '../support/postgres-cluster.js';
import { value } from '../support/project.js';

/** Of whatever is asked under a name, how often; the number of its generation left out. */
async function countingNames(work: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  const asked: Record<string, number> = {};
  const { query } = pg.Client.prototype;
  Object.assign(pg.Client.prototype, {
    query(this: pg.Client, question: { readonly name?: string }, ...others: readonly unknown[]) {
      const [, name] = /^migrate_safe_(.*)_\d+$/.exec(question.name ?? '') ?? [];
      if (name !== undefined) asked[name] = (asked[name] ?? 0) + 1;
      return Reflect.apply(query, this, [question, ...others]) as unknown;
    },
  });
  try {
    await work();
  } finally {
    Object.assign(pg.Client.prototype, { query });
  }
  return asked;
}

describe('a run of several steps on PostgreSQL', () => {
  let url: string;
  let remove: () => Promise<void> = () => Promise.resolve();
  let folder: string | undefined;
  before(async function () {
    // Where nobody else's transactions end: whatever another database of the same server does would be looked at, too.
    const programs = binaries();
    if (programs === undefined) return this.skip();
    const cluster = await makeCluster(programs, { autovacuum: 'off' });
    ({ url, remove } = cluster);
    await cluster.start();
    folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-asked-'));
    mkdirSync(path.join(folder, 'steps'));
  });
  after(async () => {
    await remove();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it('reads the schema, the relations and what hangs on them once, while nobody else changes anything', async () => {
    const root = folder ?? '';
    const write = (at: number, sql: string): void => writeFileSync(path.join(root, 'steps', `000${at}_step.sql`), sql);
    const tables = ['a', 'b', 'c', 'd', 'e'];
    write(
      1,
      tables
        .map((name) => `CREATE TABLE ${name} (id int PRIMARY KEY, v text); INSERT INTO ${name} VALUES (1, 'x');`)
        .join('\n'),
    );
    for (const [at, name] of tables.entries())
      write(2 + at, `ALTER TABLE ${name} ADD COLUMN note text; UPDATE ${name} SET note = v;`);
    const options = { database: url, steps: path.join(root, 'steps'), backups: path.join(root, 'backups') };
    const safe = createMigrateSafe({ ...options, fileBackup: 'never' });
    const asked = await countingNames(async () => value(await safe.up()));
    value(await safe.close());
    expect(asked).to.deep.include({ graph_step: 1, schema_engine: 1, probe_engine: 1, first_look_step: 1 });
    expect(asked['next_look_step']).to.equal(tables.length);
    expect(asked['relations_step'] ?? 0).to.equal(1);
  });
});
