// A whole PostgreSQL database put back by its owner, where it has extensions that only a superuser can make.
import { expect } from 'chai';
import { damage, kitchenSink, sql } from '../support/kitchen-sink.js';
import { restoreBench, type RestoreBench } from '../support/postgres-restore.js';
import { testServer } from '../support/postgres.js';
import { needsTools, needsVersion, testVersion } from '../support/postgres-version.js';
import { value } from '../support/project.js';

const OWNER = 'migrate_safe_test_owner';
/** `pageinspect` and `earthdistance` are not trusted; `cube` is, but somebody else's. */
const EXTENSIONS = `
  CREATE EXTENSION pageinspect; CREATE SCHEMA geo; GRANT ALL ON SCHEMA geo TO ${OWNER}; CREATE EXTENSION cube SCHEMA geo;
  CREATE EXTENSION earthdistance SCHEMA geo;`;
/** A table of an extension with rows of its own and of the user's, as spatial_ref_sys of PostGIS. */
const CONFIGURED = `
  CREATE TABLE geo.systems (id int PRIMARY KEY, name text, built_in boolean); INSERT INTO geo.systems VALUES (1, 'wgs', true);
  ALTER EXTENSION earthdistance ADD TABLE geo.systems; GRANT SELECT ON geo.systems TO PUBLIC;
  UPDATE pg_extension SET extconfig = ARRAY['geo.systems'::regclass], extcondition = ARRAY['WHERE NOT built_in'] WHERE extname = 'earthdistance';`;
const USED = `
  CREATE TABLE places (id int PRIMARY KEY, at geo.cube); INSERT INTO places VALUES (1, '(1,2,3)'), (2, '(4,5,6)');
  CREATE INDEX places_at ON places USING gist (at); CREATE VIEW far AS SELECT id, geo.latitude(at::geo.earth) AS l FROM places WHERE false;
  CREATE FUNCTION geo.mine(geo.cube) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE geo.shade AS ENUM ('dark');
  CREATE TABLE geo.own (id int PRIMARY KEY, s geo.shade); INSERT INTO geo.own VALUES (1, 'dark');`;

describe('the restore of a whole PostgreSQL database whose extensions are not its owner’s', function () {
  this.timeout(120_000);
  let bench: RestoreBench;
  before(async function () {
    await needsTools(this);
    // Before that, the schema public is the superuser's.
    await needsVersion(this, 15, 'a schema public that is the owner’s of the database');
  });
  let administrator: string;
  beforeEach(async function () {
    const server = await testServer();
    if (server !== undefined)
      await sql(server.url, `CREATE ROLE ${OWNER} LOGIN PASSWORD '${OWNER}'`).catch(() => undefined);
    bench = await restoreBench(this, { role: OWNER });
    const url = new URL(server?.url ?? '');
    url.pathname = new URL(bench.url).pathname;
    administrator = url.href;
  });
  afterEach(() => bench.close());

  const there = async (url: string): Promise<unknown> =>
    sql(
      url,
      `SELECT extname, extversion, extnamespace::regnamespace::text AS schema, extowner::regrole::text AS owner, oid FROM pg_extension ORDER BY 1`,
    );

  it('leaves them where they are, and brings everything else back as it was', async () => {
    await sql(administrator, EXTENSIONS);
    await bench.sql(kitchenSink(false, await testVersion()));
    await bench.sql(USED);
    const [before, extensions] = [await bench.text(), await there(administrator)];
    const file = await bench.archive();
    await bench.sql(damage(false));
    await bench.sql(`DROP TABLE places CASCADE; DROP FUNCTION geo.mine; ALTER TYPE geo.shade ADD VALUE 'new'; DELETE FROM geo.own;
      CREATE TABLE geo.since (at geo.cube); CREATE OPERATOR geo.=== (leftarg = int, rightarg = int, procedure = int4eq);
      CREATE AGGREGATE geo.all_of (int) (sfunc = int4pl, stype = int); CREATE COLLATION since (provider = icu, locale = 'fr');
      CREATE TEXT SEARCH CONFIGURATION since (copy = english); CREATE DOMAIN since_domain AS int; CREATE TYPE since_range AS RANGE (subtype = int4)`);
    value(await bench.restore(file));
    expect(await bench.text()).to.equal(before);
    const kept = (all: unknown): unknown =>
      (all as { extname: string }[]).filter(({ extname }) =>
        ['cube', 'earthdistance', 'pageinspect'].includes(extname),
      );
    expect(kept(await there(administrator)))
      .to.deep.equal(kept(extensions))
      .and.to.have.length(3);
  });

  it('fills an empty database in which somebody made them beforehand', async function () {
    await sql(administrator, EXTENSIONS);
    await bench.sql(USED);
    const before = await bench.text();
    const file = await bench.archive();
    const empty = await restoreBench(this, { role: OWNER });
    try {
      const url = new URL(administrator);
      url.pathname = new URL(empty.url).pathname;
      await sql(url.href, EXTENSIONS);
      value(await empty.restore(file));
      expect(await empty.text()).to.equal(before);
    } finally {
      await empty.close();
    }
  });

  it('says who makes those that are missing, and with what, and changes nothing', async () => {
    await sql(administrator, EXTENSIONS);
    await bench.sql(USED);
    const file = await bench.archive();
    await sql(
      administrator,
      'DROP EXTENSION earthdistance CASCADE; DROP EXTENSION pageinspect; INSERT INTO places VALUES (3, NULL)',
    );
    const failed = (await bench.restore(file))._unsafeUnwrapErr();
    expect(failed).to.deep.equal({
      kind: 'extensions-not-permitted',
      extensions: ['earthdistance', 'pageinspect'],
      role: OWNER,
      mend: 'CREATE SCHEMA IF NOT EXISTS geo; CREATE EXTENSION "earthdistance" WITH SCHEMA geo; CREATE EXTENSION "pageinspect" WITH SCHEMA public;',
    });
    expect(await bench.sql('SELECT id FROM places ORDER BY 1')).to.deep.equal([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  it('puts the user’s rows in their tables back, and leaves their own alone', async () => {
    await sql(administrator, `${EXTENSIONS}${CONFIGURED} GRANT INSERT, DELETE, UPDATE ON geo.systems TO ${OWNER}`);
    await bench.sql(`${USED} INSERT INTO geo.systems VALUES (900, 'mine', false), (901, 'too', false)`);
    const [before, rows] = [await bench.text(), await bench.sql('SELECT * FROM geo.systems ORDER BY id')];
    const file = await bench.archive();
    await bench.sql(`DELETE FROM geo.systems WHERE id = 900; UPDATE geo.systems SET name = 'x' WHERE id = 901;
      INSERT INTO geo.systems VALUES (902, 'since', false); UPDATE geo.systems SET name = 'since' WHERE id = 1`);
    value(await bench.restore(file));
    expect(await bench.text()).to.equal(before);
    rows[0] = { ...rows[0], name: 'since' };
    expect(await bench.sql('SELECT * FROM geo.systems ORDER BY id')).to.deep.equal(rows);
  });

  it('passes over tables of theirs that it may not write, as long as nobody’s rows are in them', async () => {
    await sql(administrator, EXTENSIONS + CONFIGURED);
    await bench.sql(USED);
    const before = await bench.text();
    const file = await bench.archive();
    await bench.sql('DELETE FROM places');
    value(await bench.restore(file));
    expect(await bench.text()).to.equal(before);
    await sql(administrator, `INSERT INTO geo.systems VALUES (900, 'mine', false)`);
    expect((await bench.restore(file))._unsafeUnwrapErr()).to.deep.equal({
      kind: 'extension-rows-sealed',
      tables: ['"geo"."systems"'],
      role: OWNER,
      mend: `GRANT SELECT, INSERT, DELETE ON "geo"."systems" TO ${OWNER};`,
    });
  });
});
