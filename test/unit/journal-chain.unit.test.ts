// The hash chain: facts are linked without gaps, and whatever is done to a stored chain afterwards is found where it was done.
import { expect } from 'chai';
import fc from 'fast-check';
import { envelopeHash, type StoredEvent } from '#src/core/events/envelope.js';
import { GENESIS } from '#src/core/journal/hash-chain.js';
import type { DomainEvent } from '#src/core/events/event.js';
import { EMPTY_HEAD, findBreak, link } from '#src/core/journal/chain.js';
import {
  ACTOR,
  applied,
  begun,
  completed,
  recorded,
  run,
  runFailed,
  started,
  taken,
  timeAt,
  verified,
} from '../support/journal-facts.js';

const fact: fc.Arbitrary<DomainEvent> = fc.oneof(
  fc.string().map((id) => taken(id)),
  fc.string().map((id) => verified(id)),
  fc.nat().map((n) => begun(String(n))),
  fc.nat().map((n) => applied(String(n))),
  fc.string().map((schema) => completed(schema)),
  fc.constant(runFailed()),
);
const runs = fc.array(fc.tuple(fc.string(), fc.array(fact, { minLength: 1, maxLength: 4 })), {
  minLength: 1,
  maxLength: 5,
});
const chain: fc.Arbitrary<readonly StoredEvent[]> = runs.map((all) =>
  recorded(...all.map(([id, facts]) => run(id, started('up'), ...facts))),
);
const at = <T>(items: readonly T[], index: number): T => {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('an empty chain');
  return item;
};
const rehashed = (event: StoredEvent): StoredEvent => ({ ...event, hash: envelopeHash(event) });

/** Chains are long and hashing is work: fewer of them tell as much. */
const RUNS = { numRuns: 40 };

/** One change of one member of an event, each of another kind. */
const EDITS: readonly ((event: StoredEvent) => StoredEvent)[] = [
  (event) => ({ ...event, runId: `${event.runId}x` }),
  (event) => ({ ...event, component: 'other' }),
  (event) => ({ ...event, type: 'RunCompleted2' }),
  (event) => ({ ...event, schemaVersion: event.schemaVersion + 1 }),
  (event) => ({ ...event, recordedAt: '2020-01-01T00:00:00.000Z' }),
  (event) => ({ ...event, actor: { ...event.actor, pid: event.actor.pid + 1 } }),
  (event) => ({ ...event, data: { ...event.data, more: null } }),
  (event) => ({ ...event, previousHash: `${event.previousHash.slice(1)}0`.replace(/^0*$/, 'f'.repeat(64)) }),
  (event) => ({ ...event, hash: event.hash.startsWith('0') ? `1${event.hash.slice(1)}` : `0${event.hash.slice(1)}` }),
];

describe('link', () => {
  it('gives gapless positions from the head on, and ties each event to the one before it', () => {
    fc.assert(
      fc.property(fc.array(fact, { minLength: 1 }), fc.nat(), (facts, position) => {
        const head = { position, hash: 'a'.repeat(64) };
        const events = link(head, { runId: 'r', component: 'main', recordedAt: timeAt(1), actor: ACTOR }, facts);
        expect(events.map((event) => event.position)).to.deep.equal(facts.map((_, index) => position + 1 + index));
        expect(events.map((event) => event.previousHash)).to.deep.equal(
          [head.hash, ...events.map(({ hash }) => hash)].slice(0, -1),
        );
        expect(findBreak(events, head)).to.equal(undefined);
      }),
    );
  });

  it('begins at position 1 with the genesis hash', () => {
    const [first] = recorded(run('r', started('up')));
    expect(first).to.include({ position: 1, previousHash: GENESIS });
  });

  it('makes the same chain of one append as of many', () => {
    const facts = [started('up'), taken('b'), verified('b'), completed()];
    const recording = { runId: 'r', component: 'main', recordedAt: timeAt(1), actor: ACTOR };
    const [first, ...rest] = link(EMPTY_HEAD, recording, facts);
    if (first === undefined) throw new Error('nothing was linked');
    expect(link(first, recording, facts.slice(1))).to.deep.equal(rest);
  });
});

describe('envelopeHash', () => {
  it('survives a round trip through JSON', () => {
    fc.assert(
      fc.property(chain, (events) => {
        const read = JSON.parse(JSON.stringify(events)) as StoredEvent[];
        expect(findBreak(read)).to.equal(undefined);
      }),
      RUNS,
    );
  });

  it('does not depend on the order of members', () => {
    const [event] = recorded(run('r', started('up', ['1'])));
    if (event === undefined) throw new Error('nothing was linked');
    const turned = Object.fromEntries(Object.entries(event).toReversed()) as unknown as StoredEvent;
    expect(envelopeHash(turned)).to.equal(event.hash);
  });
});

describe('findBreak', () => {
  it('finds nothing in a chain that is whole, or in any later part of it', () => {
    fc.assert(
      fc.property(chain, fc.nat(), (events, n) => {
        expect(findBreak(events)).to.equal(undefined);
        const head = at(events, n);
        expect(findBreak(events.slice(head.position), head)).to.equal(undefined);
      }),
      RUNS,
    );
  });

  it('finds every edit of any member at its position', () => {
    fc.assert(
      fc.property(chain, fc.nat(), (events, n) => {
        const { position } = at(events, n);
        for (const edit of EDITS) {
          const tampered = events.map((event) => (event.position === position ? edit(event) : event));
          expect(findBreak(tampered)).to.deep.equal({ position, problem: 'edited' });
        }
      }),
      RUNS,
    );
  });

  it('finds an edit whose hash was made again at the event after it', () => {
    fc.assert(
      fc.property(chain, fc.nat(), fc.nat(EDITS.length - 2), (events, n, which) => {
        const { position } = at(events.slice(0, -1), n);
        const edit = at(EDITS, which);
        const tampered = events.map((event) => (event.position === position ? rehashed(edit(event)) : event));
        // An event whose link was bent no longer follows on the one before it either.
        const link = at(tampered, position - 1).previousHash === at(events, position - 1).previousHash;
        expect(findBreak(tampered)).to.deep.equal({ position: link ? position + 1 : position, problem: 'unlinked' });
      }),
      RUNS,
    );
  });

  it('finds a deletion at the position that is missing', () => {
    fc.assert(
      fc.property(chain, fc.nat(), (events, n) => {
        const { position } = at(events.slice(0, -1), n);
        expect(findBreak(events.filter((event) => event.position !== position))).to.deep.equal({
          position,
          problem: 'missing',
        });
      }),
      RUNS,
    );
  });

  it('finds a deletion that was covered by renumbering, at the first event that moved', () => {
    fc.assert(
      fc.property(chain, fc.nat(), (events, n) => {
        const { position } = at(events.slice(0, -1), n);
        const moved = events
          .filter((event) => event.position !== position)
          .map((event, index) => ({ ...event, position: index + 1 }));
        expect(findBreak(moved)).to.deep.equal({ position, problem: 'edited' });
        expect(findBreak(moved.map(rehashed))?.position).to.equal(position);
      }),
      RUNS,
    );
  });

  it('finds an insertion where it was made', () => {
    fc.assert(
      fc.property(chain, fc.nat(), (events, n) => {
        const event = at(events, n);
        const { position } = event;
        const twice = [...events.slice(0, position), event, ...events.slice(position)];
        expect(findBreak(twice)).to.deep.equal({ position, problem: 'out-of-order' });
        const forged = rehashed({ ...event, position: position + 1, previousHash: event.hash, runId: 'forged' });
        const inserted = [
          ...events.slice(0, position),
          forged,
          ...events.slice(position).map((e) => ({ ...e, position: e.position + 1 })),
        ];
        // Behind the last event there is nothing that could contradict: only the mirror knows that it ended here.
        const expected = position === events.length ? undefined : { position: position + 2, problem: 'edited' };
        expect(findBreak(inserted)).to.deep.equal(expected);
      }),
      RUNS,
    );
  });

  it('finds two events that changed places at the first of them', () => {
    fc.assert(
      fc.property(chain, fc.nat(), fc.nat(), (events, m, n) => {
        const [a, b] = [at(events, m), at(events, n)].toSorted((x, y) => x.position - y.position);
        fc.pre(a !== undefined && b !== undefined && a.position !== b.position);
        if (a === undefined || b === undefined) return;
        const swapped = events.map((event) => (event === a ? b : event === b ? a : event));
        expect(findBreak(swapped)).to.deep.equal({ position: a.position, problem: 'missing' });
        const renumbered = swapped.map((event, index) => ({ ...event, position: index + 1 }));
        expect(findBreak(renumbered)?.position).to.equal(a.position);
      }),
      RUNS,
    );
  });

  it('finds no loss at the end: what was cut off there only the mirror knows', () => {
    const events = recorded(run('r', started('up'), completed()));
    expect(findBreak(events.slice(0, 1))).to.equal(undefined);
  });
});
