// The rows' work by TypeORM, with a schema instead of decorators.
import { DataSource, EntitySchema } from 'typeorm';
import { chunksOf, MOST_CONNECTIONS, type OpenWay, type Person, type Place } from '../way.js';

const People = new EntitySchema<Person & { readonly id: number }>({
  name: 'Person',
  tableName: 'people',
  columns: {
    id: { type: 'integer', primary: true, generated: 'increment' },
    name: { type: 'text' },
    age: { type: 'integer' },
    score: { type: 'double precision' },
    active: { type: 'boolean' },
    city: { type: 'text' },
  },
});

export async function typeormAt({ dialect, address }: Place): Promise<OpenWay> {
  const source = await new DataSource({
    ...(dialect === 'sqlite'
      ? { type: 'better-sqlite3', database: address }
      : { type: 'postgres', url: address, poolSize: MOST_CONNECTIONS }),
    entities: [People],
  }).initialize();
  const people = source.getRepository(People);
  return {
    name: 'typeorm',
    get: (id) => people.findOneBy({ id }),
    insert: (person) => people.insert(person),
    // Counts what it changed, and gives no row back.
    update: (id, change) => people.update(id, change),
    list: (take) => people.find({ take }),
    insertMany: (rows) => {
      const chunks = chunksOf(rows);
      return () =>
        source.transaction(async (manager) => {
          for (const chunk of chunks)
            await manager.createQueryBuilder().insert().into(People).values(chunk).updateEntity(false).execute();
        });
    },
    close: () => source.destroy(),
  };
}
