// A history for Chinook: SQL files, TypeScript files and steps in code, each with what it must do to the rows, said in plain JavaScript.
import type { StepHandle } from 'migrate-safe';
import type { ModelStep } from './model-history.js';
import type { Cell } from './truth-content.js';
import { numeric, type Row, type Truth } from './truth.js';

const number = (cell: Cell | undefined): number => {
  if (typeof cell !== 'number' && typeof cell !== 'bigint') throw new Error(`not a number: ${String(cell)}`);
  return Number(cell);
};
const price =
  (factor: (was: number) => number) =>
  (row: Row): Row => ({ ...row, UnitPrice: numeric(factor(number(row['UnitPrice']))) });

const ALBUM_SQL = `CREATE TABLE [Album]
(
    [AlbumId] INTEGER  NOT NULL,
    [Title] NVARCHAR(160)  NOT NULL,
    [ArtistId] INTEGER  NOT NULL,
    CONSTRAINT [PK_Album] PRIMARY KEY  ([AlbumId]),
    FOREIGN KEY ([ArtistId]) REFERENCES [Artist] ([ArtistId])
\t\tON DELETE NO ACTION ON UPDATE NO ACTION
)`;
const rebuild = (table: string, create: string, columns: string, from = columns): string => `PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
${create.replace(`[${table}]`, `[${table}_new]`)};
INSERT INTO ${table}_new (${columns}) SELECT ${from} FROM ${table};
DROP TABLE ${table};
ALTER TABLE ${table}_new RENAME TO ${table};
PRAGMA foreign_key_check;
COMMIT;
PRAGMA foreign_keys=ON;`;
const RATED_ALBUM = ALBUM_SQL.replace(
  'CONSTRAINT',
  `[Rating] REAL NOT NULL DEFAULT 2.5 CHECK ([Rating] >= 0),\n    [Shelf] TEXT,\n    CONSTRAINT`,
);

const PRICES_VIEW =
  'CREATE VIEW Prices AS SELECT a.Title, t.Name, t.UnitPrice FROM Album a JOIN Track t USING (AlbumId)';
const isOdd = (row: Row): boolean => number(row['TrackId']) % 7 === 0;

export const CHINOOK_STEPS: readonly ModelStep[] = [
  {
    name: 'look_up',
    files: {
      'up.sql': `CREATE INDEX TrackComposer ON Track (Composer COLLATE NOCASE) WHERE Composer IS NOT NULL;\n${PRICES_VIEW};`,
      'down.sql': 'DROP VIEW Prices;\nDROP INDEX TrackComposer;',
    },
    apply: (truth) => truth.objects.add('index TrackComposer').add('view Prices'),
    revert: (truth) => ['index TrackComposer', 'view Prices'].forEach((name) => truth.objects.delete(name)),
  },
  {
    name: 'drop_bytes',
    files: {
      ts: `import { defineStep } from 'migrate-safe';
export default defineStep({
  declares: { mayDrop: ['Track.Bytes'] },
  apply: ({ knex }) => knex.schema.alterTable('Track', (t) => { t.dropColumn('Bytes'); }),
  revert: ({ knex }) => knex.schema.alterTable('Track', (t) => { t.integer('Bytes'); }),
});`,
    },
    apply: (truth) => truth.dropColumn('Track', 'Bytes'),
    revert: (truth) => truth.addColumn('Track', 'Bytes'),
  },
  {
    name: 'artist_must_have_a_name',
    code: {
      apply: (knex) => knex.schema.alterTable('Artist', (t) => void t.string('Name', 200).notNullable().alter()),
      revert: (knex) => knex.schema.alterTable('Artist', (t) => void t.string('Name', 120).nullable().alter()),
    },
    apply: () => undefined,
    revert: () => undefined,
  },
  {
    name: 'rate_albums',
    files: {
      'up.sql': rebuild('Album', RATED_ALBUM, 'AlbumId, Title, ArtistId'),
      'down.sql': rebuild('Album', ALBUM_SQL, 'AlbumId, Title, ArtistId'),
    },
    apply: (truth) =>
      truth
        .dropColumn('Album', 'Shelf')
        .addColumn('Album', 'Rating', () => 2.5)
        .addColumn('Album', 'Shelf'),
    revert: (truth) => truth.dropColumn('Album', 'Rating').dropColumn('Album', 'Shelf'),
  },
  {
    name: 'items_not_lines',
    files: {
      sql: `-- migrate-safe:up
ALTER TABLE InvoiceLine RENAME TO InvoiceItem;
ALTER TABLE InvoiceItem RENAME COLUMN Quantity TO Pieces;
ALTER TABLE PlaylistTrack RENAME COLUMN PlaylistId TO ListId;
-- migrate-safe:down
ALTER TABLE PlaylistTrack RENAME COLUMN ListId TO PlaylistId;
ALTER TABLE InvoiceItem RENAME COLUMN Pieces TO Quantity;
ALTER TABLE InvoiceItem RENAME TO InvoiceLine;`,
    },
    apply: (truth) =>
      truth
        .rename('InvoiceLine', 'InvoiceItem')
        .renameColumn('InvoiceItem', 'Quantity', 'Pieces')
        .renameColumn('PlaylistTrack', 'PlaylistId', 'ListId'),
    revert: (truth) =>
      truth
        .renameColumn('PlaylistTrack', 'ListId', 'PlaylistId')
        .renameColumn('InvoiceItem', 'Pieces', 'Quantity')
        .rename('InvoiceItem', 'InvoiceLine'),
  },
  {
    name: 'raise_prices',
    files: {
      ts: `export default {
  async up(knex) { await knex('Track').where('UnitPrice', '<', 1.5).update({ UnitPrice: knex.raw('UnitPrice * 1.25') }); await knex('InvoiceItem').update({ UnitPrice: knex.raw('UnitPrice / 0.99') }); },
  async down(knex) { await knex('InvoiceItem').update({ UnitPrice: knex.raw('UnitPrice * 0.99') }); await knex('Track').where('UnitPrice', '<', 1.5).update({ UnitPrice: knex.raw('UnitPrice / 1.25') }); },
};`,
    },
    // 0.99 / 0.99 is 1, which the NUMERIC column stores as an integer.
    apply: (truth) =>
      truth
        .change(
          'Track',
          price((was) => (was < 1.5 ? was * 1.25 : was)),
        )
        .change(
          'InvoiceItem',
          price((was) => was / 0.99),
        ),
    revert: (truth) =>
      truth
        .change(
          'InvoiceItem',
          price((was) => was * 0.99),
        )
        .change(
          'Track',
          price((was) => (was < 1.5 ? was / 1.25 : was)),
        ),
  },
  {
    name: 'forget_odd_tracks',
    files: {
      'up.sql': '-- migrate-safe: may-lose-rows table=PlaylistTrack\nDELETE FROM PlaylistTrack WHERE TrackId % 7 = 0;',
    },
    apply: (truth) => truth.keep('PlaylistTrack', (row) => !isOdd(row)),
  },
  {
    name: 'prices_of_their_own',
    code: {
      declares: { mayDrop: ['Track.UnitPrice'] },
      apply: async (knex) => {
        await knex.schema.createTable('TrackPrice', (t) => {
          t.integer('TrackId').primary().references('Track.TrackId').onDelete('CASCADE');
          t.decimal('Price', 10, 2).notNullable();
        });
        await knex.raw('INSERT INTO TrackPrice SELECT TrackId, UnitPrice FROM Track');
        await knex.raw('DROP VIEW Prices');
        await knex.schema.alterTable('Track', (t) => t.dropColumn('UnitPrice'));
        await knex.raw(
          'CREATE VIEW Prices AS SELECT a.Title, t.Name, p.Price AS UnitPrice FROM Album a JOIN Track t USING (AlbumId) JOIN TrackPrice p USING (TrackId)',
        );
      },
      revert: async (knex) => {
        await knex.raw('DROP VIEW Prices');
        await knex.raw('ALTER TABLE Track ADD COLUMN UnitPrice NUMERIC(10,2) NOT NULL DEFAULT 0');
        await knex.raw('UPDATE Track SET UnitPrice = (SELECT Price FROM TrackPrice p WHERE p.TrackId = Track.TrackId)');
        await knex.schema.dropTable('TrackPrice');
        await knex.raw(PRICES_VIEW);
      },
    },
    apply: (truth) => {
      const prices = truth
        .rows('Track')
        .map((row): Row => ({ TrackId: row['TrackId'] ?? null, Price: row['UnitPrice'] ?? null }));
      return truth.create('TrackPrice', ['TrackId'], ['TrackId', 'Price'], prices).dropColumn('Track', 'UnitPrice');
    },
    revert: (truth) => {
      const prices = new Map(truth.rows('TrackPrice').map((row) => [row['TrackId'], row['Price'] ?? null]));
      return truth.addColumn('Track', 'UnitPrice', (row) => prices.get(row['TrackId']) ?? null, 0n).drop('TrackPrice');
    },
  },
  {
    name: 'count_changes',
    files: {
      'up.sql': `CREATE TABLE ArtistLog (n INTEGER PRIMARY KEY AUTOINCREMENT, ArtistId INTEGER NOT NULL REFERENCES Artist (ArtistId), what TEXT);
CREATE TRIGGER ArtistRenamed AFTER UPDATE OF Name ON Artist BEGIN INSERT INTO ArtistLog (ArtistId, what) VALUES (NEW.ArtistId, OLD.Name || ' -> ' || NEW.Name); END;
UPDATE Artist SET Name = 'The ' || Name WHERE ArtistId <= 10;
DROP INDEX IFK_TrackMediaTypeId;`,
      'down.sql': `CREATE INDEX [IFK_TrackMediaTypeId] ON [Track] ([MediaTypeId]);
DROP TRIGGER ArtistRenamed;
DROP TABLE ArtistLog;
UPDATE Artist SET Name = substr(Name, 5) WHERE ArtistId <= 10;`,
    },
    apply: (truth) => {
      const first = truth.rows('Artist').filter((row) => number(row['ArtistId']) <= 10);
      const log = first.map((row, i): Row => ({
        n: BigInt(i + 1),
        ArtistId: row['ArtistId'] ?? null,
        what: `${String(row['Name'])} -> The ${String(row['Name'])}`,
      }));
      truth.create('ArtistLog', ['n'], ['n', 'ArtistId', 'what'], log);
      sequence(truth, 'ArtistLog', 10n);
      truth.change('Artist', (row) => (first.includes(row) ? { ...row, Name: `The ${String(row['Name'])}` } : row));
      truth.objects.add('trigger ArtistRenamed').delete('index IFK_TrackMediaTypeId');
    },
    revert: (truth) => {
      truth.drop('ArtistLog').keep('sqlite_sequence', (row) => row['name'] !== 'ArtistLog');
      truth.change('Artist', (row) =>
        number(row['ArtistId']) <= 10 ? { ...row, Name: String(row['Name']).slice(4) } : row,
      );
      truth.objects.add('index IFK_TrackMediaTypeId').delete('trigger ArtistRenamed');
    },
  },
  {
    name: 'customers_without_fax',
    files: {
      ts: `import { defineStep } from 'migrate-safe';
export default defineStep({
  declares: { mayDrop: ['Customer.Fax'] },
  apply: async ({ knex }) => {
    await knex('Customer').whereNull('Company').update({ Company: '' });
    await knex.schema.alterTable('Customer', (t) => { t.dropNullable('Company'); t.unique(['Email'], { indexName: 'CustomerEmail' }); });
    await knex.schema.alterTable('Customer', (t) => { t.dropColumns('Fax'); });
  },
  revert: async ({ knex }) => {
    await knex.schema.alterTable('Customer', (t) => { t.dropUnique(['Email'], 'CustomerEmail'); t.setNullable('Company'); t.string('Fax', 24); });
  },
});`,
    },
    apply: (truth) => {
      truth
        .change('Customer', (row) => (row['Company'] === null ? { ...row, Company: '' } : row))
        .dropColumn('Customer', 'Fax');
      truth.objects.add('index CustomerEmail');
    },
    revert: (truth) => truth.addColumn('Customer', 'Fax').objects.delete('index CustomerEmail'),
  },
  {
    name: 'buyers_not_customers',
    code: {
      apply: (knex) => knex.schema.renameTable('Customer', 'Buyer'),
      revert: (knex) => knex.schema.renameTable('Buyer', 'Customer'),
    },
    apply: (truth) => truth.rename('Customer', 'Buyer'),
    revert: (truth) => truth.rename('Buyer', 'Customer'),
  },
];

function sequence(truth: Truth, name: string, seq: bigint): void {
  if (!truth.tables.includes('sqlite_sequence')) truth.create('sqlite_sequence', [], ['name', 'seq'], []);
  truth.add('sqlite_sequence', [{ name, seq }]);
}

/** Does a good deal of harm and fails then. */
export const FAILS_HALF_WAY: ModelStep = {
  name: 'fails_half_way',
  code: {
    apply: async (knex: StepHandle) => {
      await knex.schema.alterTable('Artist', (t) => t.string('Country'));
      await knex('Artist').update({ Name: 'nobody' });
      await knex('PlaylistTrack').del();
      await knex.schema.alterTable('Album', (t) => t.dropColumn('Title'));
      await knex.schema.dropTable('Genre');
      await knex('NoSuchTable').select();
    },
  },
  apply: () => undefined,
};
