// The history is a left fold over the journal: given these events, then this is in the database.
import { expect } from 'chai';
import fc from 'fast-check';
import { compareVersions } from '#src/core/brands.js';
import type { DomainEvent } from '#src/core/events/event.js';
import { EMPTY_HISTORY, evolve, foldHistory, stepsOf, stepKey, type History } from '#src/core/history/history.js';
import {
  applied,
  begun,
  completed,
  failed,
  identity,
  recorded,
  recovered,
  restored,
  restoring,
  reverted,
  rolledBack,
  run,
  runFailed,
  runOf,
  stamped,
  started,
  strange,
  taken,
  timeAt,
  verified,
  type Batch,
} from '../support/journal-facts.js';

const given = (...batches: readonly Batch[]): History => foldHistory(recorded(...batches));
const states = (history: History, component = 'main'): readonly string[] =>
  stepsOf(history, component).map((step) => `${step.version} ${step.state}`);
const apply = (version: string): readonly DomainEvent[] => [begun(version), applied(version)];

describe('the history of an empty journal', () => {
  it('says nothing', () => {
    expect(foldHistory([])).to.equal(EMPTY_HISTORY);
    expect(EMPTY_HISTORY).to.deep.include({
      adopted: false,
      databaseId: undefined,
      run: undefined,
      schema: undefined,
      steps: [],
    });
  });
});

describe('applying and reverting', () => {
  it('counts an applied step from the event that says so', () => {
    const history = given(run('r', started('up', ['1']), ...apply('1'), completed('after 1')));
    expect(history.steps).to.deep.equal([
      { ...identity('1'), component: 'main', state: 'applied', appliedAt: timeAt(3), durationMs: 5, position: 3 },
    ]);
    expect(history).to.deep.include({ adopted: true, databaseId: 'db', schema: 'after 1', run: undefined });
  });

  it('counts no step that was only begun', () => {
    const history = given(run('r', started('up', ['1']), begun('1')));
    expect(history.steps).to.deep.equal([]);
    expect(history.adopted).to.equal(false);
    expect(history.run?.step).to.include({ version: '1', direction: 'apply', failed: false });
  });

  it('takes a reverted step out, however its version is written', () => {
    const history = given(
      run('r', started('up'), ...apply('0002'), ...apply('1')),
      run('s', begun('2', 'revert'), reverted('2')),
    );
    expect(states(history)).to.deep.equal(['1 applied']);
    expect(history.schema).to.equal('before 2');
  });

  it('keeps steps of other components apart', () => {
    const history = given(
      run('r', started('up'), ...apply('1'), completed()),
      runOf('billing', 's', started('up'), ...apply('1'), begun('1', 'revert'), reverted('1'), ...apply('2')),
    );
    expect(states(history)).to.deep.equal(['1 applied']);
    expect(states(history, 'billing')).to.deep.equal(['2 applied']);
    expect(stepKey('billing', '02')).to.equal(stepKey('billing', '2')).and.not.equal(stepKey('main', '2'));
  });

  it('sorts steps as numbers', () => {
    expect(
      states(given(run('r', started('up'), ...apply('100'), ...apply('9'), ...apply('20261120093000')))),
    ).to.deep.equal(['9 applied', '100 applied', '20261120093000 applied']);
  });
});

describe('a step that failed', () => {
  it('stays under way, as failed, until it is rolled back', () => {
    const batch = [started('up', ['1', '2']), ...apply('1'), begun('2'), failed('2')];
    expect(given(run('r', ...batch)).run?.step).to.include({ version: '2', failed: true });
    const after = given(run('r', ...batch, rolledBack('2')));
    expect(after.run?.step).to.equal(undefined);
    expect(after.schema).to.equal('before 2');
    expect(states(after)).to.deep.equal(['1 applied']);
  });

  it('ends its run as failed', () => {
    const history = given(run('r', started('up', ['1']), begun('1'), failed('1'), rolledBack('1'), runFailed()));
    expect(history.run).to.equal(undefined);
    expect(history.runs).to.deep.equal([{ runId: 'r', kind: 'up', outcome: 'failed' }]);
  });
});

describe('an interrupted run', () => {
  it('is open until another run recovers it', () => {
    const open = run('r', started('up', ['1', '2'], 'each-step'), taken('b'), verified('b'), begun('1'));
    expect(given(open).run).to.deep.include({
      runId: 'r',
      plan: ['1', '2'],
      fileBackup: 'each-step',
      verified: ['b'],
      taken: ['b'],
      fresh: [],
    });
    const history = given(open, run('s', recovered('r', '1'), started('up', ['1']), ...apply('1'), completed()));
    expect(history.runs.map(({ runId, outcome }) => `${runId} ${outcome}`)).to.deep.equal([
      'r recovered',
      's completed',
    ]);
    expect(history.run).to.equal(undefined);
    expect(states(history)).to.deep.equal(['1 applied']);
  });
});

describe('a step that is to be repeated', () => {
  const open = run('r', started('up', ['1', '2']), begun('1'));
  const repeatable = recovered('r', '1', 'can-be-repeated');

  it('is known until it is done, by however many runs', () => {
    expect(given(open).interrupted).to.deep.equal([]);
    expect(given(open, run('s', repeatable)).interrupted).to.deep.equal([stepKey('main', '1')]);
    const again = run('s', repeatable, started('up', ['1', '2']));
    expect(given(open, again, run('t', recovered('s'))).interrupted).to.deep.equal([stepKey('main', '1')]);
    expect(given(open, again, run('s', ...apply('1'))).interrupted).to.deep.equal([]);
  });

  it('is known no more once nothing is left of it, or the database is an older one', () => {
    const again = run('s', repeatable, started('up', ['1', '2']), begun('1'));
    expect(given(open, again, run('s', failed('1'), rolledBack('1'))).interrupted).to.deep.equal([]);
    expect(given(open, again, run('s', restoring('b'), restored('b', 1))).interrupted).to.deep.equal([]);
    expect(given(open, again, run('s', restoring('b'), restored('b', null))).interrupted).to.deep.equal([
      stepKey('main', '1'),
    ]);
  });

  it('is another than one of which nothing was committed', () => {
    expect(given(open, run('s', recovered('r', '1'))).interrupted).to.deep.equal([]);
  });
});

describe('a backup within a run', () => {
  const facts = [started('up', ['1'], 'each-step'), taken('a'), verified('a'), taken('b')];

  it('is taken first and verified then', () => {
    expect(given(run('r', ...facts)).run).to.deep.include({ taken: ['a', 'b'], verified: ['a'] });
  });

  it('is fresh until a step begins', () => {
    expect(given(run('r', ...facts)).run?.fresh).to.include('a');
    expect(given(run('r', ...facts, begun('1'))).run?.fresh).to.deep.equal([]);
  });

  it('is none of the next run', () => {
    expect(given(run('r', ...facts, completed()), run('s', started('up'))).run).to.deep.include({
      taken: [],
      verified: [],
      fresh: [],
    });
  });
});

describe('stamping', () => {
  const before = run('r', started('up'), ...apply('1'), ...apply('3'), completed());

  it('makes exactly the named steps count, and leaves what was applied as applied', () => {
    const history = given(
      before,
      run('s', started('stamp'), stamped('2', [identity('1'), identity('2')]), completed()),
    );
    expect(states(history)).to.deep.equal(['1 applied', '2 stamped']);
    expect(history.steps[0]?.position).to.equal(3);
    expect(history.steps[1]).to.include({ position: 8, appliedAt: timeAt(8), durationMs: 0 });
  });

  it('lets head add what is missing', () => {
    const history = given(
      before,
      run(
        's',
        started('stamp'),
        stamped(
          'head',
          ['1', '2', '3'].map((v) => identity(v)),
        ),
      ),
    );
    expect(states(history)).to.deep.equal(['1 applied', '2 stamped', '3 applied']);
  });

  it('lets base leave none, and still says that the journal speaks for the schema', () => {
    const history = given(before, run('s', started('stamp'), stamped('base', []), completed('stamped base')));
    expect(history.steps).to.deep.equal([]);
    expect(history).to.include({ adopted: true, schema: 'stamped base' });
    expect(given(run('s', started('stamp'), stamped('base', []))).adopted).to.equal(true);
  });

  it('leaves other components alone', () => {
    const other = runOf('billing', 's', started('stamp'), stamped('base', []));
    expect(states(given(before, other))).to.deep.equal(['1 applied', '3 applied']);
  });
});

describe('events of a newer program', () => {
  it('are noted and change nothing else', () => {
    const events = recorded(run('r', started('up', ['1']), ...apply('1')));
    const [first, second, third] = events;
    if (!first || !second || !third) throw new Error('nothing was recorded');
    const history = foldHistory([first, strange(second), third]);
    expect(history.unknown).to.deep.equal([{ position: 2, type: 'SomethingNew' }]);
    expect(states(history)).to.deep.equal(['1 applied']);
  });
});

const version = fc.constantFrom('1', '01', '2', '10', '9', '100');
const anyFact: fc.Arbitrary<DomainEvent> = fc.oneof(
  version.map((v) => begun(v)),
  version.map((v) => applied(v)),
  version.map(reverted),
  version.map(failed),
  version.map((v) => rolledBack(v)),
  fc.uniqueArray(version, { selector: (v) => BigInt(v) }).map((versions) =>
    stamped(
      'head',
      versions.map((v) => identity(v)),
    ),
  ),
  fc.constantFrom(
    started('up', ['1']),
    taken('b'),
    verified('b'),
    restoring('b'),
    completed(),
    runFailed(),
    recovered('r'),
  ),
  fc.option(fc.nat(30)).map((rewoundTo) => restored('b', rewoundTo)),
);
const journal = fc
  .array(fc.tuple(fc.constantFrom('main', 'billing'), fc.constantFrom('r', 's'), fc.array(anyFact, { maxLength: 8 })), {
    maxLength: 4,
  })
  .map((batches) => recorded(...batches.map(([component, runId, facts]) => runOf(component, runId, ...facts))));

describe('evolve', () => {
  it('is a left fold: in two parts it gives what it gives at once', () => {
    fc.assert(
      fc.property(journal, fc.nat(40), (events, cut) => {
        const half = foldHistory(events.slice(0, cut));
        expect(events.slice(cut).reduce(evolve, half)).to.deep.equal(foldHistory(events));
      }),
    );
  });

  it('changes no history that it was given', () => {
    fc.assert(
      fc.property(journal, (events) => {
        let history = EMPTY_HISTORY;
        for (const event of events) {
          const before = structuredClone(history);
          const next = evolve(history, event);
          expect(history).to.deep.equal(before);
          history = next;
        }
      }),
      { numRuns: 30 },
    );
  });

  it('keeps steps sorted, and one per component and number', () => {
    fc.assert(
      fc.property(journal, (events) => {
        const { steps } = foldHistory(events);
        const keys = steps.map((step) => stepKey(step.component, step.version));
        expect(new Set(keys).size).to.equal(keys.length);
        const order = (a: (typeof steps)[number], b: (typeof steps)[number]): number =>
          a.component === b.component ? compareVersions(a.version, b.version) : a.component < b.component ? -1 : 1;
        expect(steps).to.deep.equal(steps.toSorted(order));
      }),
    );
  });
});
