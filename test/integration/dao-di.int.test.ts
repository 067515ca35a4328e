// The DAOs of an application in an Inversify container: one pool, units of work per request, and what a host may replace.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect } from 'chai';
import { Container, inject, injectable } from 'inversify';
import { Dao, defineTable, openDatabase, ReadOnlyDao, Tokens } from 'migrate-safe/dao';
import type { AppDatabase, ReadOnlyDatabase, UnitOfWork } from 'migrate-safe/dao';
import { databaseModule, readOnlyDatabaseModule, Tokens as TokensOfModule } from 'migrate-safe/dao/di';
import { migrateSafeModule, SafeMigrationManager, Tokens as TokensOfEngine } from 'migrate-safe/di';
import { err, ok } from 'neverthrow';
import * as z from 'zod';
import { ENGINES, type Opened } from '../support/app-databases.js';
import { value } from '../support/project.js';

const Notes = defineTable('notes', { id: z.int(), text: z.string() }, { primaryKey: 'id' });
const CREATE = ['CREATE TABLE notes (id integer PRIMARY KEY, text text NOT NULL)'];

@injectable()
class NotesDao extends Dao<typeof Notes> {
  constructor(@inject(Tokens.AppDatabase) database: AppDatabase) {
    super(database, Notes);
  }
}
@injectable()
class NotesReader extends ReadOnlyDao<typeof Notes> {
  constructor(@inject(Tokens.ReadOnlyDatabase) database: ReadOnlyDatabase) {
    super(database, Notes);
  }
}
/** One per request. */
@injectable()
class WriteTwo {
  constructor(
    @inject(NotesDao) readonly notes: NotesDao,
    @inject(Tokens.UnitOfWork) readonly unitOfWork: UnitOfWork,
  ) {}

  handle(from: number, outcome: 'keep' | 'give-up') {
    return this.unitOfWork.run(async () => {
      for (const id of [from, from + 1]) {
        const made = await this.notes.insert({ id, text: `of ${from}` });
        if (made.isErr()) return err(made.error);
      }
      return outcome === 'keep' ? ok(from) : err({ kind: 'given-up' as const });
    });
  }
}

for (const engine of ENGINES)
  describe(`the database module on ${engine.name}`, () => {
    let opened: Opened;
    let container: Container;
    beforeEach(async function () {
      opened = await engine.open(this, { sqlite: CREATE, postgres: CREATE });
      container = new Container();
    });
    afterEach(async () => {
      await container.unbindAllAsync();
      await opened?.remove();
    });
    const load = (...modules: Parameters<Container['load']>): void => {
      container.load(...modules);
      container.bind(NotesDao).toSelf().inSingletonScope();
      container.bind(NotesReader).toSelf().inSingletonScope();
      container.bind(WriteTwo).toSelf().inTransientScope();
    };

    it('gives every DAO one pool, and every request a unit of work of its own', async () => {
      load(databaseModule({ database: opened.url }));
      expect(container.get(Tokens.AppDatabase)).to.equal(container.get(Tokens.AppDatabase));
      expect(container.get(Tokens.UnitOfWork)).to.equal(container.get(Tokens.AppDatabase).unitOfWork);
      expect(container.get(WriteTwo)).not.to.equal(container.get(WriteTwo));
      const requests = Array.from({ length: 12 }, (_, at) =>
        container.get(WriteTwo).handle(at * 10, at % 2 === 0 ? 'keep' : 'give-up'),
      );
      const outcomes = await Promise.all(requests);
      expect(outcomes.map((one) => one.isOk())).to.deep.equal(requests.map((_, at) => at % 2 === 0));
      const kept = value(await container.get(NotesReader).list({ orderBy: ['id'] })).map(({ id }) => id);
      expect(kept).to.deep.equal([0, 1, 20, 21, 40, 41, 60, 61, 80, 81, 100, 101]);
    });

    it('closes its pools with the container, and no other', async () => {
      container.bind(Tokens.AppDatabase).toConstantValue(opened.database);
      load(databaseModule({ database: opened.url }));
      const reader = container.get(NotesReader);
      expect(value(await reader.count())).to.equal(0);
      await container.unbindAllAsync();
      expect((await reader.count()).isErr()).to.equal(true);
      expect(value(await new NotesDao(opened.database).count())).to.equal(0);
    });

    it('leaves what the host bound before, and takes what it binds anew', async () => {
      container.bind(Tokens.AppDatabase).toConstantValue(opened.database);
      load(databaseModule({ database: 'sqlite:nowhere/none.db' }));
      expect(container.get(Tokens.AppDatabase)).to.equal(opened.database);
      expect(container.get(Tokens.UnitOfWork)).to.equal(opened.database.unitOfWork);
      class Refusing extends NotesDao {
        override insert(): ReturnType<NotesDao['insert']> {
          return super.insert({ id: 1, text: 'replaced' });
        }
      }
      container.rebind(NotesDao).toConstantValue(new Refusing(opened.database));
      const written = await container.get(WriteTwo).handle(7, 'keep');
      expect(written.isErr() && written.error.kind).to.equal('unique-violation');
      const other = openDatabase({ database: opened.url });
      container.rebind(Tokens.AppDatabase).toConstantValue(other);
      expect(container.get(Tokens.AppDatabase)).to.equal(other);
      value(await other.close());
    });

    it('gives a process that only reads nothing that could write', async () => {
      value(await new NotesDao(opened.database).insert({ id: 1, text: 'there' }));
      load(readOnlyDatabaseModule({ database: opened.url }));
      expect(() => container.get(NotesDao)).to.throw(/AppDatabase/);
      expect(value(await container.get(NotesReader).get(1)).text).to.equal('there');
      const { knex } = container.get(Tokens.ReadOnlyDatabase);
      const tried = await Promise.resolve(knex.raw('DELETE FROM notes')).then(
        () => 'deleted',
        () => 'refused',
      );
      expect(tried).to.equal('refused');
      const counted = await container.get(Tokens.UnitOfWork).run(() => container.get(NotesReader).count());
      expect(value(counted)).to.equal(1);
    });

    it('stands beside the module of the engine in one container', async () => {
      container.load(migrateSafeModule({ database: opened.url }));
      load(databaseModule({ database: opened.url }));
      expect(container.get(SafeMigrationManager)).to.equal(container.get(TokensOfEngine.Manager));
      expect(TokensOfEngine).to.equal(Tokens).and.to.equal(TokensOfModule);
      expect(value(await container.get(NotesDao).count())).to.equal(0);
    });
  });

describe('the example of injected DAOs', () => {
  it('passes its own tests', () => {
    const file = path.resolve('.build/examples/snippets/dao-inversify-test.js');
    const said = execFileSync(process.execPath, ['--test-reporter=tap', file], { encoding: 'utf8' });
    expect(said)
      .to.match(/^# pass 3$/m)
      .and.to.match(/^# fail 0$/m);
  });
});
