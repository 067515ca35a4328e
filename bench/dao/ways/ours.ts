// The rows' work by a DAO.
import type { Dao } from 'migrate-safe/dao';
import type { Result, ResultAsync } from 'neverthrow';
import type { People, TrustedPeople } from '../table.js';
import type { Way } from '../way.js';

export const ours = (dao: Dao<typeof People> | Dao<typeof TrustedPeople>): Way => ({
  name: 'ours',
  get: (id) => done(dao.get(id)),
  insert: (person) => done(dao.insert(person)),
  update: (id, change) => done(dao.update(id, change)),
  list: (limit) => done(dao.list({ limit })),
  insertMany: (people) => () => done(dao.insertMany(people)),
});

async function done<T, E>(work: ResultAsync<T, E>): Promise<T> {
  const result: Result<T, E> = await work;
  if (result.isErr()) throw new Error(JSON.stringify(result.error));
  return result.value;
}
