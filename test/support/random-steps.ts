// Random steps for Chinook, each with its effect on the rows in plain JavaScript; they follow the renames and drops of the steps before them.
import type { Knex } from 'knex';
import type { ModelStep } from './model-history.js';
import type { Random } from './random.js';
import type { Row, Truth } from './truth.js';

/** Columns without an index or a NOT NULL, per table, with the table's key. */
const TABLES = [
  { name: 'Track', key: 'TrackId', free: ['Composer', 'Bytes'] },
  { name: 'Artist', key: 'ArtistId', free: ['Name'] },
  { name: 'Customer', key: 'CustomerId', free: ['Company', 'State', 'Fax'] },
  { name: 'Employee', key: 'EmployeeId', free: ['Title', 'State', 'Country'] },
  { name: 'Invoice', key: 'InvoiceId', free: ['BillingState', 'BillingCity'] },
  { name: 'Playlist', key: 'PlaylistId', free: ['Name'] },
  { name: 'Genre', key: 'GenreId', free: ['Name'] },
] as const;

interface Table {
  name: string;
  readonly key: string;
  readonly free: string[];
}

const isPart = (row: Row, key: string, every: number): boolean => Number(row[key]) % every === 1;
const inRange = (row: Row, key: string, from: number): boolean =>
  Number(row[key]) >= from && Number(row[key]) < from + 100;

/** The chain of one history; it knows what tables and columns are called at its end. */
export class RandomChain {
  readonly #random: Random;
  readonly #tables: readonly Table[] = TABLES.map(({ name, key, free }) => ({ name, key, free: [...free] }));
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** One more step behind the last one. */
  next(): ModelStep {
    this.#count += 1;
    const table = this.#random.pick(this.#tables);
    const column = table.free.length === 0 ? undefined : this.#random.pick(table.free);
    const onTable = [this.#renameTable, this.#insert, this.#derive, this.#watch, this.#remakeByHand, this.#deleteRows];
    const onColumn = [this.#dropColumn, this.#renameColumn, this.#alterColumn, this.#update, this.#forget];
    const make = this.#random.next(2) === 0 || column === undefined ? this.#random.pick(onTable) : undefined;
    return make === undefined ? this.#random.pick(onColumn).call(this, table, column ?? '') : make.call(this, table);
  }

  #renameTable(table: Table): ModelStep {
    const [from, to] = [table.name, `${table.name.split('_')[0] ?? ''}_${this.#count}`];
    table.name = to;
    return {
      name: 'rename_table',
      files: { 'up.sql': `ALTER TABLE ${from} RENAME TO ${to};`, 'down.sql': `ALTER TABLE ${to} RENAME TO ${from};` },
      apply: (truth) => truth.rename(from, to),
      revert: (truth) => truth.rename(to, from),
    };
  }

  #renameColumn({ name, free }: Table, column: string): ModelStep {
    const to = `${column.split('_')[0] ?? ''}_${this.#count}`;
    free[free.indexOf(column)] = to;
    return {
      name: 'rename_column',
      code: {
        apply: (knex) => knex.schema.alterTable(name, (t) => t.renameColumn(column, to)),
        revert: (knex) => knex.schema.alterTable(name, (t) => t.renameColumn(to, column)),
      },
      apply: (truth) => truth.renameColumn(name, column, to),
      revert: (truth) => truth.renameColumn(name, to, column),
    };
  }

  #dropColumn({ name, free }: Table, column: string): ModelStep {
    free.splice(free.indexOf(column), 1);
    return {
      name: 'drop_column',
      code: {
        declares: { mayDrop: [`${name}.${column}`] },
        apply: (knex) => knex.schema.alterTable(name, (t) => t.dropColumn(column)),
        revert: (knex) => knex.schema.alterTable(name, (t) => t.string(column, 220)),
      },
      apply: (truth) => truth.dropColumn(name, column),
      revert: (truth) => truth.addColumn(name, column),
    };
  }

  #alterColumn({ name }: Table, column: string): ModelStep {
    const alter = (length: number) => (knex: Knex) =>
      knex.schema.alterTable(name, (t) => void t.string(column, length).nullable().alter());
    const integer = column.startsWith('Bytes');
    const code = integer
      ? {
          apply: (knex: Knex) => knex.schema.alterTable(name, (t) => void t.bigInteger(column).nullable().alter()),
          revert: () => undefined,
        }
      : { apply: alter(300), revert: alter(220) };
    return { name: 'alter_column', code, apply: () => undefined, revert: () => undefined };
  }

  #update({ name, key }: Table, column: string): ModelStep {
    const every = 2 + this.#random.next(9);
    const set = (value: string) => (truth: Truth) =>
      truth.change(name, (row) => (isPart(row, key, every) ? { ...row, [column]: value } : row));
    const [there, back] = [`step ${this.#count} 'ü'`, `back ${this.#count}`];
    const sql = (value: string): string =>
      `UPDATE ${name} SET ${column} = '${value.replaceAll("'", "''")}' WHERE ${key} % ${every} = 1;`;
    return {
      name: 'update',
      files: { 'up.sql': sql(there), 'down.sql': sql(back) },
      apply: set(there),
      revert: set(back),
    };
  }

  #forget({ name, key }: Table, column: string): ModelStep {
    const every = 2 + this.#random.next(9);
    return {
      name: 'forget',
      files: {
        sql: `-- migrate-safe: may-null column=${name}.${column}\nUPDATE ${name} SET ${column} = NULL WHERE ${key} % ${every} = 1;`,
      },
      apply: (truth) => truth.change(name, (row) => (isPart(row, key, every) ? { ...row, [column]: null } : row)),
    };
  }

  #insert(): ModelStep {
    const { name, key } = this.#tables.find((table) => table.key === 'PlaylistId') ?? { name: '', key: '' };
    const from = this.#count * 1000;
    const ids = Array.from({ length: 1 + this.#random.next(40) }, (_, i) => from + i);
    return {
      name: 'insert',
      code: {
        apply: (knex) => knex(name).insert(ids.map((id) => ({ [key]: id }))),
        revert: (knex) =>
          knex(name)
            .whereBetween(key, [from, from + 99])
            .del(),
      },
      apply: (truth) =>
        truth.add(
          name,
          ids.map((id): Row => ({
            ...Object.fromEntries(truth.columns(name).map((column) => [column, null])),
            [key]: BigInt(id),
          })),
        ),
      revert: (truth) => truth.keep(name, (row) => !inRange(row, key, from)),
    };
  }

  #derive({ name, key }: Table): ModelStep {
    const made = `Derived_${this.#count}`;
    return {
      name: 'derive',
      files: {
        'up.sql': `CREATE TABLE ${made} (id INTEGER PRIMARY KEY REFERENCES ${name} (${key}) ON DELETE CASCADE, n REAL);\nINSERT INTO ${made} SELECT ${key}, ${key} / 4.0 FROM ${name};`,
        'down.sql': `DROP TABLE ${made};`,
      },
      apply: (truth) =>
        truth.create(
          made,
          ['id'],
          ['id', 'n'],
          truth.rows(name).map((row): Row => ({ id: row[key] ?? null, n: Number(row[key]) / 4 })),
        ),
      revert: (truth) => truth.drop(made),
    };
  }

  #watch({ name, key }: Table): ModelStep {
    const n = this.#count;
    const objects = [`index by_${n}`, `view seen_${n}`, `trigger on_${n}`];
    return {
      name: 'watch',
      files: {
        sql: `-- migrate-safe:up
CREATE INDEX by_${n} ON ${name} (${key} DESC) WHERE ${key} > 3;
CREATE VIEW seen_${n} AS SELECT ${key} AS k FROM ${name};
CREATE TRIGGER on_${n} BEFORE INSERT ON ${name} WHEN NEW.${key} < 0 BEGIN SELECT RAISE(ABORT, 'negative; no'); END;
-- migrate-safe:down
DROP TRIGGER on_${n};
DROP VIEW seen_${n};
DROP INDEX by_${n};`,
      },
      apply: (truth) => objects.forEach((object) => truth.objects.add(object)),
      revert: (truth) => objects.forEach((object) => truth.objects.delete(object)),
    };
  }

  #remakeByHand({ name }: Table): ModelStep {
    const remake = async (knex: Knex): Promise<void> => {
      const [stored] = (await knex.raw('SELECT sql FROM sqlite_schema WHERE name = ?', [name])) as readonly {
        readonly sql: string;
      }[];
      await knex.raw(
        (stored?.sql ?? '').replace(/^CREATE TABLE\s+(\[[^\]]+\]|"[^"]+"|`[^`]+`|\w+)/i, 'CREATE TABLE made_anew'),
      );
      await knex.raw(`INSERT INTO made_anew SELECT * FROM ${name}`);
      await knex.raw(`DROP TABLE ${name}`);
      await knex.raw(`ALTER TABLE made_anew RENAME TO ${name}`);
    };
    return { name: 'remake', code: { apply: remake, revert: remake }, apply: () => undefined, revert: () => undefined };
  }

  #deleteRows(): ModelStep {
    const every = 2 + this.#random.next(30);
    const table = this.#random.pick(['PlaylistTrack', 'InvoiceLine']);
    const apply = (knex: Knex): PromiseLike<unknown> => knex(table).whereRaw('TrackId % ? = 1', [every]).del();
    const step = {
      name: 'delete_rows',
      apply: (truth: Truth) => truth.keep(table, (row) => !isPart(row, 'TrackId', every)),
    };
    const declares = { mayLoseRows: [table] };
    // Half of them cannot be reverted; the others have a revert that does not bring the rows back.
    return this.#random.next(2) === 0
      ? { ...step, code: { declares, apply } }
      : { ...step, code: { declares, apply, revert: () => undefined }, revert: () => undefined };
  }
}
