// What a run of several steps asks of PostgreSQL: what is known is not asked again.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createMigrateSafe } from 'migrate-safe';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
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
  let db: TestDatabase;
  let folder: string;
  beforeEach(async function () {
    db = await freshDatabase(this);
    folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-asked-'));
    mkdirSync(path.join(folder, 'steps'));
  });
  afterEach(async () => {
    await db?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('reads the schema, the relations and what hangs on them once, while nobody else changes anything', async () => {
    const write = (at: number, sql: string): void =>
      writeFileSync(path.join(folder, 'steps', `000${at}_step.sql`), sql);
    const tables = ['a', 'b', 'c', 'd', 'e'];
    write(
      1,
      tables
        .map((name) => `CREATE TABLE ${name} (id int PRIMARY KEY, v text); INSERT INTO ${name} VALUES (1, 'x');`)
        .join('\n'),
    );
    for (const [at, name] of tables.entries())
      write(2 + at, `ALTER TABLE ${name} ADD COLUMN note text; UPDATE ${name} SET note = v;`);
    const options = { database: db.url, steps: path.join(folder, 'steps'), backups: path.join(folder, 'backups') };
    const safe = createMigrateSafe({ ...options, fileBackup: 'never' });
    const asked = await countingNames(async () => value(await safe.up()));
    value(await safe.close());
    expect(asked).to.deep.include({ graph_step: 1, schema_engine: 1, probe_engine: 1, first_look_step: 1 });
    expect(asked['next_look_step']).to.equal(tables.length);
    expect(asked['relations_step'] ?? 0).to.equal(1);
  });
});
