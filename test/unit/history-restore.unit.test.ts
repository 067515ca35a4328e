// A restore rewinds what counts as applied to a position of the journal, never the journal itself.
import { expect } from 'chai';
import fc from 'fast-check';
import type { DomainEvent } from '#src/core/events/event.js';
import { foldHistory, stepsAt, type History } from '#src/core/history/history.js';
import {
  applied,
  begun,
  completed,
  identity,
  recorded,
  restored,
  restoring,
  reverted,
  run,
  stamped,
  started,
} from '../support/journal-facts.js';

const given = (...facts: readonly DomainEvent[]): History => foldHistory(recorded(run('r', started('up'), ...facts)));
const versions = (history: Pick<History, 'steps'>): readonly string[] => history.steps.map((step) => step.version);

describe('a restore of the whole file', () => {
  it('rewinds the steps to those that counted at its position', () => {
    // 1 started, 2 applied 1, 3 applied 2, 4 applied 3
    const facts = [applied('1'), applied('2'), applied('3')];
    for (const [position, left] of [
      [0, []],
      [1, []],
      [2, ['1']],
      [3, ['1', '2']],
      [4, ['1', '2', '3']],
    ] as const) {
      expect(versions(given(...facts, restored('b', position))), String(position)).to.deep.equal(left);
    }
  });

  it('brings a step back that was reverted since, with the time and the position of its apply', () => {
    const history = given(applied('1'), reverted('1'), restored('b', 2));
    expect(history.steps).to.deep.equal(given(applied('1')).steps);
  });

  it('undoes a stamp', () => {
    const history = given(applied('1'), stamped('base', []), restored('b', 2));
    expect(versions(history)).to.deep.equal(['1']);
    expect(given(applied('1'), restored('b', 1)).adopted).to.equal(true);
  });

  it('takes the schema from what was put back', () => {
    expect(given(applied('1'), restored('b', 1)).schema).to.equal('restored b');
  });

  it('counts positions between two changes as the change before them', () => {
    const history = given(applied('1'), begun('2'), begun('3'), applied('3'), restored('b', 4));
    expect(versions(history)).to.deep.equal(['1']);
  });

  it('may be done twice in a row', () => {
    // 1 started, 2 applied 1, 3 applied 2, 4 restored to 2, 5 restored to 3
    expect(versions(given(applied('1'), applied('2'), restored('a', 2), restored('b', 3)))).to.deep.equal(['1', '2']);
    expect(versions(given(applied('1'), applied('2'), restored('a', 2), restored('b', 1)))).to.deep.equal([]);
  });

  it('goes back to a position after an earlier restore, and to that restore itself', () => {
    // 4 restored to 2, 5 applied 3, 6 applied 4
    const facts = [applied('1'), applied('2'), restored('a', 2), applied('3'), applied('4')];
    expect(versions(given(...facts))).to.deep.equal(['1', '3', '4']);
    expect(versions(given(...facts, restored('b', 5)))).to.deep.equal(['1', '3']);
    expect(versions(given(...facts, restored('b', 4)))).to.deep.equal(['1']);
    expect(versions(given(...facts, restored('b', 3)))).to.deep.equal(['1', '2']);
  });

  it('ends the restore that is under way, and no run', () => {
    const history = given(restoring('b'), restored('b', 0));
    expect(given(restoring('b')).run?.restoring).to.equal('b');
    expect(history.run).to.include({ runId: 'r', restoring: undefined });
  });

  it('keeps the journal: what was in force before it stays known', () => {
    const history = given(applied('1'), applied('2'), restored('b', 1), completed());
    expect(stepsAt(history, 3).map((step) => step.version)).to.deep.equal(['1', '2']);
    expect(stepsAt(history, 4)).to.deep.equal([]);
  });
});

describe('a restore of single tables', () => {
  it('changes no step', () => {
    const history = given(applied('1'), applied('2'), restored('b', null));
    expect(versions(history)).to.deep.equal(['1', '2']);
    expect(history.schema).to.equal('restored b');
  });
});

describe('any restore', () => {
  it('leaves exactly the steps of its position, whatever came before and between', () => {
    const version = fc.constantFrom('1', '2', '3', '10');
    const fact = fc.oneof(
      version.map((v) => applied(v)),
      version.map(reverted),
      fc.uniqueArray(version).map((all) =>
        stamped(
          'head',
          all.map((v) => identity(v)),
        ),
      ),
      fc.nat(12).map((position) => restored('b', position)),
    );
    fc.assert(
      fc.property(fc.array(fact, { maxLength: 12 }), fc.nat(13), (facts, position) => {
        const events = recorded(run('r', started('up'), ...facts, restored('last', position)));
        const then = foldHistory(events.slice(0, Math.min(position, events.length - 1)));
        expect(foldHistory(events).steps).to.deep.equal(then.steps);
      }),
    );
  });
});
