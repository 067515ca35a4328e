// The rows' work by Kysely.
import Sqlite from 'better-sqlite3';
import { Kysely, PostgresDialect, SqliteDialect, type Generated } from 'kysely';
import pg from 'pg';
import { boundFor, chunksOf, MOST_CONNECTIONS, type OpenWay, type Person, type Place } from '../way.js';

interface Tables {
  readonly people: Person & { readonly id: Generated<number> };
}

export function kyselyAt({ dialect, address }: Place): OpenWay {
  const db = new Kysely<Tables>({
    dialect:
      dialect === 'sqlite'
        ? new SqliteDialect({ database: new Sqlite(address) })
        : new PostgresDialect({ pool: new pg.Pool({ connectionString: address, max: MOST_CONNECTIONS }) }),
  });
  // It binds what it is given.
  const bound = (person: Person): Person => boundFor(dialect, person) as Person;
  return {
    name: 'kysely',
    get: (id) => db.selectFrom('people').selectAll().where('id', '=', id).executeTakeFirst(),
    insert: (person) => db.insertInto('people').values(bound(person)).returningAll().executeTakeFirst(),
    update: (id, change) => db.updateTable('people').set(change).where('id', '=', id).returningAll().executeTakeFirst(),
    list: (limit) => db.selectFrom('people').selectAll().limit(limit).execute(),
    insertMany: (people) => {
      const chunks = chunksOf(people.map(bound));
      return () =>
        db.transaction().execute(async (transaction) => {
          for (const chunk of chunks) await transaction.insertInto('people').values(chunk).execute();
        });
    },
    close: () => db.destroy(),
  };
}
