// The rows' work by knex, as it is written by hand.
import type { Knex } from 'knex';
import type { Dialect } from '../../history.js';
import { boundFor, type Way } from '../way.js';

/** knex on SQLite takes no more than 500 rows a statement, and is quickest with fewer. */
const ROWS_A_STATEMENT: Readonly<Record<Dialect, number>> = { sqlite: 150, postgres: 1000 };

export const byHandWith = (knex: Knex, dialect: Dialect): Way => ({
  name: 'knex',
  get: (id) => knex('people').where({ id }).first(),
  insert: (person) => knex('people').insert(boundFor(dialect, person)).returning('*'),
  update: (id, change) => knex('people').where({ id }).update(change).returning('*'),
  list: (limit) => knex('people').select('*').limit(limit),
  insertMany: (people) => {
    const rows = people.map((person) => boundFor(dialect, person));
    return () => knex.batchInsert('people', rows, ROWS_A_STATEMENT[dialect]);
  },
});
