// Statements that only add by their words, where something of somebody's own runs behind them: nothing is lost unseen.
import { expect } from 'chai';
import { stepBench, type StepBench } from '../support/postgres-step.js';
import { value } from '../support/project.js';

const EMPTYING = (name: string, returns: string): string =>
  `CREATE FUNCTION ${name}() RETURNS ${returns} LANGUAGE plpgsql AS $$ BEGIN TRUNCATE kept; RETURN ${returns === 'int' ? '1' : returns === 'trigger' ? 'NEW' : ''}; END $$`;

describe('what runs behind a statement that only adds, on PostgreSQL', () => {
  let bench: StepBench;
  beforeEach(async function () {
    bench = await stepBench(this);
    await bench.sql(`CREATE TABLE kept (id int PRIMARY KEY, v text); INSERT INTO kept VALUES (1, 'a'), (2, 'b');
      CREATE TABLE t (id int)`);
  });
  afterEach(() => bench.close());

  /** That the rows of `kept` are gone is either told or refused. */
  const expectSeen = async (script: string): Promise<void> => {
    const step = await bench.begin();
    const seen = await bench.run(step, script);
    if (seen.isErr()) expect(JSON.stringify(seen.error)).to.match(/kept/);
    else expect(seen.value.deletedRows).to.deep.equal([{ table: 'kept', rows: 2, keys: [] }]);
    value(await step.rollback());
    expect(await bench.rows('SELECT id, v FROM public.kept ORDER BY id')).to.deep.equal([
      { id: 1, v: 'a' },
      { id: 2, v: 'b' },
    ]);
  };

  for (const script of [
    'CREATE TABLE made (id int)',
    'ALTER TABLE t ADD COLUMN more int',
    'CREATE INDEX ON t (id)',
    'INSERT INTO t VALUES (1); CREATE TABLE made (id int)',
  ])
    it(`an event trigger is followed: ${script}`, async () => {
      await bench.sql(
        `${EMPTYING('f', 'event_trigger')}; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()`,
      );
      await expectSeen(script);
    });

  it('an event trigger that somebody made since the step before is followed', async () => {
    await bench.sql(EMPTYING('f', 'event_trigger'));
    value(await (await bench.script('CREATE TABLE made (id int)')).step.rollback());
    await bench.sql('CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()');
    await expectSeen('CREATE TABLE made (id int)');
  });

  it('a trigger on the rows is followed', async () => {
    await bench.sql(
      `${EMPTYING('f', 'trigger')}; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`,
    );
    await expectSeen('INSERT INTO t VALUES (1)');
    await expectSeen('ALTER TABLE t ADD COLUMN more int; INSERT INTO t (id) VALUES (1)');
  });

  it('a trigger that is put off is followed', async () => {
    await bench.sql(`${EMPTYING('f', 'trigger')};
      CREATE CONSTRAINT TRIGGER g AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f()`);
    await expectSeen('INSERT INTO t VALUES (1)');
    await expectSeen('INSERT INTO t VALUES (1); CREATE TABLE made (id int)');
  });

  it('a function for a default is followed', async () => {
    await bench.sql(`${EMPTYING('f', 'int')}; CREATE TABLE d (id int DEFAULT f())`);
    await expectSeen('INSERT INTO d DEFAULT VALUES');
    await expectSeen('CREATE TABLE made (id int DEFAULT f()); INSERT INTO made VALUES (DEFAULT)');
  });

  it('a trigger of the step’s own is followed', async () => {
    await expectSeen(`${EMPTYING('f', 'trigger')}; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
      CREATE TABLE made (id int); INSERT INTO t VALUES (1)`);
  });

  it('a rule is followed', async () => {
    await bench.sql(`CREATE RULE r AS ON INSERT TO t DO INSTEAD DELETE FROM kept`);
    const { step, seen } = await bench.script('INSERT INTO t VALUES (1)');
    expect(seen.deletedRows).to.deep.equal([{ table: 'kept', rows: 2, keys: ['1', '2'] }]);
    value(await step.rollback());
  });
});
