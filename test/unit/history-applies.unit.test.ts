// What the apply of a step left behind belongs to that apply: its revert is judged by it, and by no other.
import { expect } from 'chai';
import type { DomainEvent } from '#src/core/events/event.js';
import { applyOf, foldHistory } from '#src/core/history/history.js';
import {
  applied,
  identity,
  recorded,
  restored,
  reverted,
  run,
  runOf,
  stamped,
  started,
} from '../support/journal-facts.js';

const inserting = (inserted: number, version = '1'): DomainEvent =>
  applied(version, { effects: { tables: { t: { inserted, updated: 0, deleted: 0 } } } });
const insertedBy = (...facts: readonly DomainEvent[]): number | undefined =>
  applyOf(foldHistory(recorded(run('r', started('up'), ...facts))), 'main', '1')?.effects.tables['t']?.inserted;

describe('applyOf', () => {
  it('is the record of the newest apply', () => {
    expect(insertedBy(inserting(1))).to.equal(1);
    expect(insertedBy(inserting(1), reverted('1'), inserting(100, '01'))).to.equal(100);
  });

  it('is the record of the apply whose data a restore brought back', () => {
    expect(insertedBy(inserting(1), reverted('1'), inserting(100), restored('b', 2))).to.equal(1);
    expect(insertedBy(inserting(1), reverted('1'), restored('b', 2))).to.equal(1);
  });

  it('is none for a step that is not applied, or that was stamped after its revert: it made nothing', () => {
    expect(insertedBy(inserting(100), reverted('1'))).to.equal(undefined);
    expect(insertedBy(inserting(100), reverted('1'), stamped('head', [identity('1')]))).to.equal(undefined);
    expect(insertedBy(inserting(100), stamped('head', [identity('1')]))).to.equal(100);
  });

  it('is that of the step of its component', () => {
    const history = foldHistory(
      recorded(run('r', started('up'), inserting(1)), runOf('billing', 's', started('up'), inserting(2))),
    );
    expect(applyOf(history, 'billing', '1')?.effects.tables['t']?.inserted).to.equal(2);
    expect(applyOf(history, 'main', '2')).to.equal(undefined);
  });
});
