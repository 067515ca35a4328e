// A whole PostgreSQL database put back by its owner, who is no superuser.
import { expect } from 'chai';
import { damage, kitchenSink, sql } from '../support/kitchen-sink.js';
import { restoreBench, type RestoreBench } from '../support/postgres-restore.js';
import { needsTools, needsVersion, testVersion } from '../support/postgres-version.js';
import { testServer } from '../support/postgres.js';
import { value } from '../support/project.js';

const OWNER = 'migrate_safe_test_owner';

describe('the restore of a whole PostgreSQL database by its owner', function () {
  this.timeout(120_000);
  let bench: RestoreBench;
  before(async function () {
    await needsTools(this);
    // Before that, the schema public is the superuser's.
    await needsVersion(this, 15, 'a schema public that is the owner’s of the database');
  });
  beforeEach(async function () {
    const server = await testServer();
    if (server !== undefined)
      await sql(server.url, `CREATE ROLE ${OWNER} LOGIN PASSWORD '${OWNER}'`).catch(() => undefined);
    bench = await restoreBench(this, { role: OWNER });
  });
  afterEach(() => bench.close());

  it('brings all that an owner can make back as it was', async () => {
    await bench.sql(kitchenSink(false, await testVersion()));
    const before = await bench.text();
    const file = await bench.archive();
    await bench.sql(damage(false));
    expect(await bench.text()).not.to.equal(before);
    value(await bench.restore(file));
    expect(await bench.text()).to.equal(before);
  });

  it('is refused where a superuser took rights on what the owner’s extension made: made again, it would have them', async () => {
    await bench.sql('CREATE EXTENSION pgcrypto; CREATE TABLE t (id int)');
    const asSuperuser = new URL((await testServer())?.url ?? '');
    asSuperuser.pathname = new URL(bench.url).pathname;
    await sql(asSuperuser.href, 'REVOKE EXECUTE ON FUNCTION gen_random_bytes(int) FROM PUBLIC');
    const before = await bench.text();
    const file = await bench.archive();
    expect((await bench.restore(file))._unsafeUnwrapErr())
      .to.include({ kind: 'rights-not-permitted', role: OWNER })
      .and.to.have.deep.property('objects', ['FUNCTION gen_random_bytes(integer)']);
    expect(await bench.text()).to.equal(before);
  });

  it('is refused where the password of somebody’s user mapping would be gone, which only a superuser reads', async () => {
    const asSuperuser = new URL((await testServer())?.url ?? '');
    asSuperuser.pathname = new URL(bench.url).pathname;
    await sql(
      asSuperuser.href,
      `CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO ${OWNER}`,
    );
    await bench.sql(
      `CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw;
       CREATE USER MAPPING FOR ${OWNER} SERVER far OPTIONS ("user" 'me', password 'mine');
       CREATE USER MAPPING FOR migrate_safe_test_reader SERVER far OPTIONS ("user" 'x', password 'secret')`,
    );
    const passwords = (): Promise<unknown> =>
      sql(asSuperuser.href, 'SELECT umuser::regrole::text AS role, umoptions FROM pg_user_mapping ORDER BY 1');
    const before = await passwords();
    const file = await bench.archive();
    const mapping = 'USER MAPPING FOR migrate_safe_test_reader SERVER far';
    expect((await bench.restore(file))._unsafeUnwrapErr()).to.deep.equal({
      kind: 'options-unread',
      mappings: [mapping],
      role: OWNER,
      mend: `DROP ${mapping};`,
    });
    expect(await passwords()).to.deep.equal(before);
    await bench.sql(`DROP ${mapping}`);
    value(await bench.restore(file));
    expect(await passwords()).to.deep.equal([
      { role: OWNER, umoptions: ['password=mine', 'user=me'] },
      { role: 'migrate_safe_test_reader', umoptions: null },
    ]);
  });

  it('leaves everything as it is where something is not the owner’s', async () => {
    await bench.sql('CREATE TABLE t (id int); INSERT INTO t VALUES (1)');
    const file = await bench.archive();
    const asSuperuser = new URL((await testServer())?.url ?? '');
    asSuperuser.pathname = new URL(bench.url).pathname;
    await sql(asSuperuser.href, 'CREATE SCHEMA theirs; CREATE TABLE theirs.t (id int)');
    await bench.sql('INSERT INTO t VALUES (2)');
    const failed = (await bench.restore(file))._unsafeUnwrapErr();
    expect(failed)
      .to.have.property('message')
      .that.matches(/permission denied|must be owner/);
    expect(await bench.sql('SELECT * FROM t ORDER BY id')).to.deep.equal([{ id: 1 }, { id: 2 }]);
  });
});
