// Sakila as a starting point: 46,273 rows under 30 triggers and 5 views, of which a rebuild may lose none.
import { expect } from 'chai';
import { ModelHistory, type ModelStep } from '../support/model-history.js';
import { realProject, SETTINGS, titled, type RealProject } from '../support/real-databases.js';
import type { Row } from '../support/truth.js';

interface StoredObject {
  readonly type: string;
  readonly name: string;
  readonly tbl_name: string;
  readonly sql: string;
}

/** Each makes a table anew that others point at. */
const REBUILDS: readonly ModelStep[] = [
  {
    name: 'drop_a_column_of_film',
    code: {
      declares: { mayDrop: ['film.replacement_cost'] },
      apply: (knex) => knex.schema.alterTable('film', (t) => t.dropColumn('replacement_cost')),
    },
    apply: (truth) => truth.dropColumn('film', 'replacement_cost'),
  },
  {
    name: 'another_type_in_customer',
    code: {
      apply: (knex) => knex.schema.alterTable('customer', (t) => void t.string('email', 320).nullable().alter()),
    },
    apply: () => undefined,
  },
  {
    name: 'not_null_in_rental',
    code: { apply: (knex) => knex.schema.alterTable('rental', (t) => t.dropNullable('last_update')) },
    apply: () => undefined,
  },
  {
    name: 'address_by_hand',
    files: {
      sql: `PRAGMA foreign_keys=OFF;
BEGIN;
CREATE TABLE address_new (address_id INTEGER NOT NULL, address VARCHAR(50) NOT NULL, address2 VARCHAR(50) NOT NULL DEFAULT '', district TEXT NOT NULL, city_id INT NOT NULL, postal_code VARCHAR(10), phone TEXT NOT NULL, last_update TIMESTAMP NOT NULL,
  PRIMARY KEY (address_id), CONSTRAINT fk_address_city FOREIGN KEY (city_id) REFERENCES city (city_id) ON DELETE NO ACTION ON UPDATE CASCADE);
INSERT INTO address_new SELECT address_id, address, coalesce(address2, ''), district, city_id, postal_code, phone, last_update FROM address;
DROP TABLE address;
ALTER TABLE address_new RENAME TO address;
COMMIT;`,
    },
    apply: (truth) => truth.change('address', (row) => ({ ...row, address2: row['address2'] ?? '' })),
  },
];

const isOld = (row: Row): boolean => String(row['rental_date']) < '2005-06-01';

const PURGE: ModelStep = {
  name: 'purge',
  files: {
    sql: `-- migrate-safe: may-lose-rows table=payment
-- migrate-safe: may-lose-rows table=rental
DELETE FROM payment WHERE rental_id IN (SELECT rental_id FROM rental WHERE rental_date < '2005-06-01');
DELETE FROM rental WHERE rental_date < '2005-06-01';`,
  },
  apply: (truth) => {
    const gone = new Set(
      truth
        .rows('rental')
        .filter(isOld)
        .map((row) => row['rental_id']),
    );
    expect(gone.size).to.equal(1156);
    return truth.keep('payment', (row) => !gone.has(row['rental_id'] ?? null)).keep('rental', (row) => !isOld(row));
  },
};

for (const setting of SETTINGS) {
  describe(`rebuilds in Sakila (${titled(setting)})`, () => {
    let real: RealProject;
    let history: ModelHistory;
    let before: readonly StoredObject[];
    beforeEach(async () => {
      real = realProject('sakila.sqlite', setting);
      expect(real.truth.rowCount).to.equal(46_273);
      before = objects();
      expect(before.filter(({ type }) => type === 'trigger')).to.have.length(30);
      expect(before.filter(({ type }) => type === 'view')).to.have.length(5);
      history = await ModelHistory.begin(real);
    });
    afterEach(() => real.p.remove());

    const foreignKeys = (): readonly unknown[] =>
      real.p.rows(
        `SELECT s.name, f."from", f."table", f."to", f.on_delete, f.on_update FROM sqlite_schema AS s JOIN pragma_foreign_key_list(s.name) AS f WHERE s.type = 'table' ORDER BY 1, 2`,
      );

    /** Triggers and views with their text. */
    const objects = (): readonly StoredObject[] =>
      real.p.rows(
        `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE type IN ('trigger', 'view') AND name NOT LIKE 'migrate%' ORDER BY type, name`,
      ) as readonly StoredObject[];

    it('keeps all triggers and views, their text, and every row that a step did not mean', async () => {
      const keys = foreignKeys();
      history.add(...REBUILDS);
      await history.up();
      expect(objects()).to.deep.equal(before);
      expect(foreignKeys()).to.deep.equal(keys);
      for (const { name } of before.filter(({ type }) => type === 'view'))
        expect(real.p.rows(`SELECT 1 FROM ${name} LIMIT 1`), name).to.have.length(1);
      // A trigger that fires moves `last_update` to now, of that row only.
      for (const table of new Set(before.flatMap(({ type, tbl_name }) => (type === 'trigger' ? [tbl_name] : [])))) {
        real.p.sql(`UPDATE ${table} SET last_update = last_update WHERE rowid = 2`);
        expect(
          real.p.rows(`SELECT rowid AS n FROM ${table} WHERE last_update > datetime('now', '-1 hour')`),
          table,
        ).to.deep.equal([{ n: 2 }]);
      }
    });

    it('purges what is declared and nothing else, and puts single tables back', async () => {
      history.add(PURGE);
      await history.up();
      // What others write meanwhile stays, where it is not in a table that is put back.
      await history.outside(
        `DELETE FROM film_actor WHERE actor_id = 1; DELETE FROM payment WHERE payment_id > 10000; DROP TRIGGER category_trigger_ai;`,
        (truth) => {
          truth
            .keep('film_actor', (row) => row['actor_id'] !== 1n)
            .keep('payment', (row) => Number(row['payment_id']) <= 10_000);
          truth.objects.delete('trigger category_trigger_ai');
        },
      );
      await history.restore({ beforeStep: '1' }, ['payment', 'rental']);
      expect(objects()).to.have.deep.members(before.filter(({ name }) => name !== 'category_trigger_ai'));
      await history.restore({ beforeStep: '1' });
      expect(objects()).to.deep.equal(before);
      await history.up();
    });
  });
}
