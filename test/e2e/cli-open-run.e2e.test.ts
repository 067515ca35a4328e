// A run that stopped half-way, or is under way: every verb that looks says the same of it, and promises nothing that `up` refuses.
import { expect } from 'chai';
import { CliProject, writeShop, type CommandOutcome } from '../support/cli-project.js';
import { freshDatabase, type TestDatabase } from '../support/postgres.js';
import { toolsAre } from '../support/postgres-version.js';

for (const dialect of ['SQLite', 'PostgreSQL'] as const) {
  describe(`migrate-safe over a step that stopped half-way (${dialect})`, () => {
    let project: CliProject;
    let server: TestDatabase | undefined;
    beforeEach(async function () {
      server = dialect === 'PostgreSQL' ? await freshDatabase(this) : undefined;
      project = new CliProject();
      writeShop(project);
      if (server !== undefined)
        project.write(
          'migrations/0001_shop.up.sql',
          `CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customers (id));
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace'), (3, 'Barbara');
INSERT INTO orders VALUES (1, 1), (2, 1), (3, 2);
`,
        );
      const noArchive = dialect === 'SQLite' || (await toolsAre()) === 'missing';
      project.write(
        'migrate-safe.config.mjs',
        `export default { steps: 'migrations'${noArchive ? ", fileBackup: 'never', guard: 'off'" : ''} };\n`,
      );
    });
    afterEach(async () => {
      project.remove();
      await server?.drop();
    });

    const app = (...args: readonly string[]): Promise<CommandOutcome> =>
      project.run(args, { DATABASE_URL: server?.url ?? 'sqlite:app.db' });
    /** As one text: where its lines break is not what is asked. */
    const flat = ({ stdout, stderr }: CommandOutcome): string => `${stdout}\n${stderr}`.replaceAll(/\s+/g, ' ');

    const stop = async (): Promise<CommandOutcome> => {
      expect((await app('up')).code).to.equal(0);
      project.write(
        'migrations/0003_half.sql',
        `-- migrate-safe: no-transaction
UPDATE customers SET name = 'half' WHERE id < 3;
INSERT INTO
  nowhere VALUES (1);
`,
      );
      project.write('migrations/0004_next.sql', 'ALTER TABLE orders ADD COLUMN note text;\n');
      const stopped = await app('up');
      expect(stopped.code, flat(stopped)).to.equal(5);
      return stopped;
    };

    it('tells which statement failed, and where', async () => {
      const stopped = await stop();
      expect(stopped.stderr)
        .to.match(/migrations\/0003_half\.sql:[34]\n/)
        .and.contain('3 │ INSERT INTO');
      expect(flat(stopped)).to.match(/nowhere/);
      const again = await app('up');
      expect(again.code).to.equal(5);
      expect(again.stderr).to.contain('migrations/0003_half.sql');
      for (const later of [again, await app('status'), await app('doctor')]) expect(flat(later)).to.match(/nowhere/);
    });

    // On SQLite the whole file is copied, and no table by itself.
    if (dialect !== 'SQLite')
      it('names the tables that can be put back alone, before the whole', async function () {
        if ((await toolsAre()) === 'missing') return this.skip();
        const stopped = await stop();
        expect(flat(stopped)).to.contain('2 rows written since, by the step itself or by others, would be lost');
        const gentler = /migrate-safe restore --before-step 0003 --tables customers\b/;
        for (const told of [stopped, await app('up'), await app('status'), await app('doctor'), await app('plan')])
          expect(flat(told)).to.match(new RegExp(`${gentler.source}.*migrate-safe restore 2`));
        const tables = /--before-step 0003 --tables (\S+)/.exec(stopped.stderr)?.[1] ?? '';
        const back = await app('restore', '--before-step', '0003', '--tables', tables, '--yes');
        expect(back.code, flat(back)).to.equal(0);
        project.write('migrations/0003_half.sql', "UPDATE customers SET name = 'done' WHERE name <> 'half';\n");
        const gone = await app('up');
        expect(gone.code, flat(gone)).to.equal(0);
        expect(flat(gone)).to.match(/customers .?3/);
      });

    it('is said to be under way while the run lives, and interrupted when it was killed', async () => {
      project.write(
        'migrations/0003_slow.mjs',
        `export const transaction = 'none';
export async function up(knex) {
  await knex.raw("UPDATE customers SET name = 'slow'");
  await new Promise((resolve) => setTimeout(resolve, 120_000));
}
export async function down() {}
`,
      );
      const run = project.killable(['up'], { DATABASE_URL: server?.url ?? 'sqlite:app.db' });
      const isUnderWay = async (): Promise<boolean | undefined> =>
        (await app('status', '--json')).json<{ openRun: { isUnderWay: boolean } | null }>().openRun?.isUnderWay;
      for (let tries = 0; tries < 60 && (await isUnderWay()) === undefined; tries += 1);
      while (!(await app('history')).stdout.includes('StepStarted')) expect(await isUnderWay()).to.equal(true);
      const live = await app('status');
      expect(live.stdout).to.match(/0003 +slow +under way/);
      for (const told of [live, await app('plan')])
        expect(flat(told)).to.match(/\(pid \d+ on \S+\) is under way\. Another `migrate-safe up` waits/);
      const healthy = await app('doctor');
      expect(flat(healthy)).to.contain('is under way');
      expect(flat(healthy)).not.to.contain('half-done');
      await run.kill();
      for (let tries = 0; tries < 20 && (await isUnderWay()) === true; tries += 1);
      expect(await isUnderWay()).to.equal(false);
      expect((await app('status')).stdout).to.match(/0003 +slow +interrupted/);
      expect(flat(await app('doctor'))).to.contain('may be half-done');
    });

    it('is planned over only once that is settled', async () => {
      await stop();
      for (const verb of [['plan'], ['up', '--dry-run']]) {
        const planned = await app(...verb);
        expect(planned.code).to.equal(0);
        expect(flat(planned)).to.match(
          /stopped half-way in 0003, which runs without a transaction \(.*nowhere.*\)\. It needs a person/,
        );
        expect(flat(planned)).not.to.contain('would bring it to');
        expect(planned.stdout.trimEnd().split('\n').at(-1)).to.equal(
          'Nothing was changed. `migrate-safe up` goes on once that is settled.',
        );
        const { openRun } = (await app(...verb, '--json')).json<{ openRun: object }>();
        expect(openRun).to.have.nested.property('step.failed', true);
      }
      expect((await app('up')).code).to.equal(5);
    });
  });
}
