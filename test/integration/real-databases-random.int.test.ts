// Random histories of Chinook: steps, failures, reverts, restores and other people's writes in any order, a model kept beside.
import { expect } from 'chai';
import { ModelHistory, type ModelStep } from '../support/model-history.js';
import { RandomChain } from '../support/random-steps.js';
import { Random } from '../support/random.js';
import { realProject, SETTINGS } from '../support/real-databases.js';
import type { Row, Truth } from '../support/truth.js';

const HISTORIES = Number(process.env['HISTORIES'] ?? 20);
const FIRST_SEED = Number(process.env['FIRST_SEED'] ?? 1);
const OPERATIONS = 6;

const nothing = (): undefined => undefined;
/** Steps that must not go through, whatever was done before them. */
const REFUSED: readonly ModelStep[] = [
  { name: 'undeclared', files: { 'up.sql': 'DELETE FROM PlaylistTrack;' }, apply: nothing },
  { name: 'drops', files: { 'up.sql': 'DROP TABLE InvoiceLine;' }, apply: nothing },
  { name: 'orphans', files: { 'up.sql': 'INSERT INTO PlaylistTrack VALUES (4711, 1);' }, apply: nothing },
  {
    name: 'wrong',
    files: { sql: 'DROP INDEX IFK_InvoiceCustomerId;\nUPDATE InvoiceLine SET Quantity = 7;\nSELECT FROM nothing;' },
    apply: nothing,
  },
  {
    name: 'throws',
    code: {
      apply: async (knex) => {
        await knex.schema.alterTable('Album', (t) => t.dropColumn('Title'));
        await knex('MediaType').update({ Name: null });
        throw new Error('half-way');
      },
    },
    apply: nothing,
  },
  {
    name: 'not_valid',
    code: { apply: (knex) => knex('MediaType').insert({ MediaTypeId: 77 }), validate: () => false },
    apply: nothing,
  },
];

/** A table under its present name. */
const current = (truth: Truth, name: string): string =>
  truth.tables.find((table) => table === name || table.startsWith(`${name}_`)) ?? name;

async function outside(history: ModelHistory, random: Random): Promise<void> {
  const { truth } = history.real;
  const [playlist, customer, track] = [current(truth, 'Playlist'), current(truth, 'Customer'), current(truth, 'Track')];
  const id = 1_000_000 + random.next(1_000_000);
  const every = 5 + random.next(50);
  switch (random.next(4)) {
    case 0: {
      const row: Row = {
        ...Object.fromEntries(truth.columns(playlist).map((column) => [column, null])),
        PlaylistId: BigInt(id),
      };
      return history.outside(`INSERT INTO ${playlist} (PlaylistId) VALUES (${id})`, (now) => now.add(playlist, [row]));
    }
    case 1:
      return history.outside(`DELETE FROM PlaylistTrack WHERE TrackId % ${every} = 0`, (now) =>
        now.keep('PlaylistTrack', (row) => Number(row['TrackId']) % every !== 0),
      );
    case 2:
      return history.outside(
        `UPDATE ${customer} SET Phone = x'00ff', City = 'O''Hare ${id}' WHERE CustomerId % 7 = 0`,
        (now) =>
          now.change(customer, (row) =>
            Number(row['CustomerId']) % 7 === 0 ? { ...row, Phone: Buffer.from([0, 255]), City: `O'Hare ${id}` } : row,
          ),
      );
    default:
      return history.outside(
        `UPDATE ${track} SET Milliseconds = 9007199254740993 + TrackId WHERE TrackId % ${every} = 0`,
        (now) =>
          now.change(track, (row) =>
            Number(row['TrackId']) % every === 0
              ? { ...row, Milliseconds: 9007199254740993n + BigInt(Number(row['TrackId'])) }
              : row,
          ),
      );
  }
}

async function restoreTables(history: ModelHistory, random: Random): Promise<void> {
  const backups = await history.backups();
  if (backups.length === 0) return;
  const { id, truth: then } = random.pick(backups);
  const now = history.real.truth;
  const tables = ['PlaylistTrack', current(now, random.pick(['Customer', 'Employee', 'Invoice', 'Genre']))];
  const fits = tables.every(
    (table) =>
      then.tables.includes(table) && then.columns(table).toSorted().join() === now.columns(table).toSorted().join(),
  );
  if (fits) await history.restore({ id }, tables);
  else expect(await history.restoreRefused({ id }, tables)).to.include({ kind: 'restore-failed' });
}

async function restoreWhole(history: ModelHistory, random: Random): Promise<void> {
  const backups = await history.backups();
  if (backups.length === 0) return;
  await history.restore(random.next(3) === 0 ? { latest: true } : { id: random.pick(backups).id });
}

async function operate(history: ModelHistory, chain: RandomChain, random: Random): Promise<void> {
  const chosen = random.next(12);
  if (chosen < 4 || history.steps === 0) {
    if (history.pending < 2) history.add(...Array.from({ length: 1 + random.next(3) }, () => chain.next()));
    return history.up(history.applied + 1 + random.next(history.pending));
  }
  if (chosen < 6 && history.revertible > 0) return history.down(1 + random.next(Math.min(3, history.revertible)));
  if (chosen === 6) return restoreWhole(history, random);
  if (chosen === 7) return restoreTables(history, random);
  if (chosen < 10) return outside(history, random);
  // A failing step comes behind all others.
  if (history.pending > 0) await history.up();
  expect(['guard-refused', 'step-failed', 'validation-failed']).to.include(
    (await history.refused('up', random.pick(REFUSED))).kind,
  );
}

describe('random histories of Chinook', () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
    const setting = SETTINGS[seed % SETTINGS.length];
    if (setting === undefined) continue;
    it(`agree with the model after each of ${OPERATIONS} operations (seed ${seed}, ${setting.driver}, ${setting.journal}, ${setting.host})`, async () => {
      const random = new Random(seed);
      const real = realProject('chinook.sqlite', setting);
      try {
        const history = await ModelHistory.begin(real);
        const chain = new RandomChain(random);
        for (let n = 0; n < OPERATIONS; n++) await operate(history, chain, random);
      } finally {
        real.p.remove();
      }
    }).timeout(60_000);
  }
});
