// A run that is killed while it clones its database: nothing of the step is there, and what is left of the clone is found and goes.
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMigrateSafe, type SafeMigrationManager } from 'migrate-safe';
import { examineServer } from '#src/dao/dialects/postgres/doctor/examine.js';
import { sql } from '../support/kitchen-sink.js';
import { freshDatabase, testServer, type TestDatabase } from '../support/postgres.js';
import { startScript } from '../support/processes.js';
import { value } from '../support/project.js';
import { strikingProxy, type Strike } from '../support/striking-proxy.js';

describe('a run that clones its database', function () {
  this.timeout(60_000);
  let directory: string;
  let database: TestDatabase;
  let server: string;
  let there: Set<string>;
  const steps = (): string => path.join(directory, 'migrations');
  const manager = (): SafeMigrationManager =>
    createMigrateSafe({
      database: database.url,
      steps: steps(),
      backups: path.join(directory, 'backups'),
      fileBackupBy: 'template-clone',
      lockWait: '30s',
    });
  const made = async (): Promise<string[]> =>
    (await sql<{ n: string }>(server, 'SELECT datname AS n FROM pg_database ORDER BY oid'))
      .map(({ n }) => n)
      .filter((one) => !there.has(one));
  const recorded = async (): Promise<string[]> =>
    value(await manager().listBackups()).backups.flatMap(({ manifest: { copy } }) =>
      'clone' in copy ? [copy.clone.database] : [],
    );

  before(async function () {
    server = (await testServer())?.url ?? this.skip();
  });
  beforeEach(async function () {
    directory = mkdtempSync(path.join(tmpdir(), 'migrate-safe-test-'));
    mkdirSync(steps());
    writeFileSync(
      path.join(steps(), '0001_shop.sql'),
      'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);',
    );
    database = await freshDatabase(this);
    there = new Set((await sql<{ n: string }>(server, 'SELECT datname AS n FROM pg_database')).map(({ n }) => n));
    value(await manager().up());
    writeFileSync(path.join(steps(), '0002_more.sql'), 'INSERT INTO t VALUES (2);');
  });
  afterEach(async () => {
    rmSync(directory, { recursive: true, force: true });
    for (const one of await made()) await sql(server, `DROP DATABASE "${one}" WITH (FORCE)`);
    await database.drop();
  });

  type Phase = readonly [phase: string, at: Omit<Strike, 'strike'>, said: string | undefined];
  const PHASES: readonly Phase[] = [
    ['before it is begun', { statement: /CREATE DATABASE "migrate_safe_restore/, when: 'before' }, undefined],
    ['while it is made', { statement: /CREATE DATABASE "migrate_safe_restore/, when: 'after' }, 'half a restore'],
    ['before it has its name', { statement: /RENAME TO "migrate_safe_clone/, when: 'before' }, 'half a restore'],
    ['when it is made, before anything is noted of it', { statement: /"serverVersion"/, when: 'before' }, 'clone'],
  ];
  for (const [phase, at, said] of PHASES)
    it(`leaves nothing that does not go, where it is killed ${phase}`, async () => {
      const kept = await recorded();
      const proxy = await strikingProxy(database.url, { ...at, strike: () => void child.kill('SIGKILL') });
      const { child, ended } = startScript('postgres-clone-child.js', [
        proxy.url,
        steps(),
        path.join(directory, 'backups'),
      ]);
      const { signal, out, err } = await ended;
      expect(signal, out + err).to.equal('SIGKILL');
      await proxy.close();
      expect(await sql(database.url, 'SELECT id FROM t')).to.deep.equal([{ id: 1 }]);
      expect(await recorded()).to.deep.equal(kept);
      // The server may still be at work for the one that was killed, and ends that by itself.
      await new Promise((resolve) => setTimeout(resolve, 700));
      const left = (await made()).filter((one) => !kept.includes(one));
      const checks = await examineServer({ connectionString: database.url }, 'shop');
      for (const one of left)
        expect(checks.filter(({ detail }) => detail.includes(one)).map(({ name }) => name)).to.deep.equal([said]);
      if (said === 'clone') expect(left).to.have.length(1);
      value(await manager().up());
      expect(await sql(database.url, 'SELECT id FROM t ORDER BY 1')).to.deep.equal([{ id: 1 }, { id: 2 }]);
      const now = await recorded();
      expect(now).to.have.length(2);
      expect(await made()).to.have.members(now);
      value(await manager().audit());
    });
});
