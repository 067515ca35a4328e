// The account of a step on PostgreSQL: rows between two looks at counters that only count up, savepoints, and words of statements.
import { expect } from 'chai';
import fc from 'fast-check';
import type { TableEffects } from '#src/core/events/effects.js';
import {
  added,
  NOTHING,
  rowsBetween,
  Savepoints,
  type Account,
  type Counters,
} from '#src/dao/dialects/postgres/step/account.js';
import { shortened } from '#src/dao/dialects/postgres/step/blockers.js';
import { statementsOf } from '#src/dao/dialects/postgres/step/statement.js';

const plus = (counters: Counters, { inserted, updated, deleted }: TableEffects): Counters => [
  counters[0] + inserted,
  counters[1] + updated,
  counters[2] + deleted,
  counters[3],
];
const count = fc.nat({ max: 50 });
const change = fc.record({ inserted: count, updated: count, deleted: count });
const oid = fc.nat({ max: 3 });
const NOT_WIPED = { wiped: new Set<number>() };

describe('the account of a step on PostgreSQL', () => {
  it('adds up to what was done, from wherever the counters began and whenever they were looked at', () => {
    const start = fc.dictionary(fc.constantFrom('0', '1', '2', '3'), fc.tuple(count, count, count, count));
    fc.assert(
      fc.property(start, fc.array(fc.tuple(oid, change, fc.boolean())), (begun, changes) => {
        const base = new Map(
          Object.entries(begun).map(([key, counters]): [number, Counters] => [Number(key), counters]),
        );
        let [last, now] = [new Map(base), new Map(base)];
        let seen: ReadonlyMap<number, TableEffects> = new Map();
        const truth = new Map<number, TableEffects>();
        for (const [table, done, looks] of changes) {
          now = new Map(now).set(table, plus(now.get(table) ?? [0, 0, 0, 0], done));
          if (done.inserted + done.updated + done.deleted > 0) {
            const before = truth.get(table) ?? { inserted: 0, updated: 0, deleted: 0 };
            truth.set(table, {
              inserted: before.inserted + done.inserted,
              updated: before.updated + done.updated,
              deleted: before.deleted + done.deleted,
            });
          }
          if (looks) {
            seen = added(seen, rowsBetween(base, last, now, NOT_WIPED));
            last = now;
          }
        }
        seen = added(seen, rowsBetween(base, last, now, NOT_WIPED));
        expect(seen).to.deep.equal(truth);
      }),
    );
  });

  it('begins anew where a truncation set the counters back', () => {
    const base = new Map<number, Counters>([[1, [5, 0, 0, 0]]]);
    const last = new Map<number, Counters>([[1, [9, 2, 0, 0]]]);
    const now = new Map<number, Counters>([[1, [12, 3, 0, 0]]]);
    expect(rowsBetween(base, last, now, { wiped: new Set([1]) })).to.deep.equal(
      new Map([[1, { inserted: 7, updated: 3, deleted: 0 }]]),
    );
    const less = new Map<number, Counters>([[1, [6, 0, 0, 0]]]);
    expect(rowsBetween(base, last, less, NOT_WIPED)).to.deep.equal(
      new Map([[1, { inserted: 1, updated: 0, deleted: 0 }]]),
    );
  });

  it('takes rows that change their partition for updated, and leaves no loss out', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(oid, change), { minLength: 1 }), (changes) => {
        const now = new Map<number, Counters>();
        for (const [leaf, done] of changes) now.set(leaf, plus(now.get(leaf) ?? [0, 0, 0, 0], done));
        const [all = { inserted: 0, updated: 0, deleted: 0 }] = rowsBetween(new Map(), new Map(), now, {
          ...NOT_WIPED,
          moves: () => 100,
        }).values();
        const total = (at: 0 | 1 | 2): number => [...now.values()].reduce((sum, counters) => sum + counters[at], 0);
        expect(all.deleted - all.inserted).to.equal(total(2) - total(0));
        expect(Math.min(all.deleted, all.inserted)).to.equal(0);
        expect(all.updated).to.equal(total(1) + Math.min(total(0), total(2)));
      }),
    );
  });

  it('goes back to savepoints as the server does', () => {
    const account = (deleted: number): Account => ({
      ...NOTHING,
      rows: new Map([[1, { inserted: 0, updated: 0, deleted }]]),
    });
    const savepoints = new Savepoints();
    savepoints.set('a', account(1));
    savepoints.set('b', account(2));
    savepoints.set('a', account(3));
    expect(savepoints.back('a')).to.deep.equal(account(3));
    savepoints.release('a');
    expect(savepoints.back('a')).to.deep.equal(account(1));
    expect(savepoints.back('b'), 'gone with the one before it').to.equal(undefined);
    expect(savepoints.back('a'), 'it stays').to.deep.equal(account(1));
  });
});

describe('the words of a statement on PostgreSQL', () => {
  const factsOf = (sql: string): ReturnType<ReturnType<typeof statementsOf>['_unsafeUnwrap']>[number] | undefined =>
    statementsOf(sql)._unsafeUnwrap()[0];

  it('say what a savepoint is called', () => {
    const called = (sql: string): unknown => factsOf(sql)?.savepoint;
    expect(called('SAVEPOINT Trx1;')).to.deep.equal({ kind: 'set', name: 'trx1' });
    expect(called('release SAVEPOINT "Trx""1"')).to.deep.equal({ kind: 'release', name: 'Trx"1' });
    expect(called('ROLLBACK /* x */ WORK TO SAVEPOINT a')).to.deep.equal({ kind: 'back', name: 'a' });
    expect(called('ROLLBACK TRANSACTION TO a')).to.deep.equal({ kind: 'back', name: 'a' });
    expect(called('ROLLBACK')).to.deep.equal({ kind: 'none' });
  });

  it('tell what would end the transaction, and no savepoint', () => {
    for (const sql of ['COMMIT', 'end', 'ROLLBACK', '/* x */ begin', "PREPARE TRANSACTION 'x'", 'START TRANSACTION'])
      expect(factsOf(sql)?.transaction, sql).to.not.equal(undefined);
    for (const sql of ['SAVEPOINT a', 'ROLLBACK TO a', 'PREPARE x AS SELECT 1', 'SELECT 1'])
      expect(factsOf(sql)?.transaction, sql).to.equal(undefined);
  });

  it('know an UPDATE that does nothing else', () => {
    expect(factsOf('UPDATE t SET a = 1')?.onlyUpdates).to.equal(true);
    expect(factsOf('WITH x AS (SELECT 1) UPDATE t SET a = 1')?.onlyUpdates).to.equal(true);
    expect(factsOf('WITH d AS (DELETE FROM t RETURNING *) UPDATE u SET a = 1')?.onlyUpdates).to.equal(false);
    expect(factsOf('INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1')?.onlyUpdates).to.equal(false);
  });

  it('are told of others without what stands in their strings', () => {
    expect(shortened(`ALTER ROLE x -- why\n  PASSWORD 'hunter2'`)).to.equal(`ALTER ROLE x PASSWORD '…'`);
    expect(shortened(`SELECT ${'x'.repeat(200)}`)).to.have.length(80);
    expect(shortened(`SELECT $$secret$$, E'se\\'cret'`)).to.equal(`SELECT '…', '…'`);
  });
});
