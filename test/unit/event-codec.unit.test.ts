// Decoding stored events: what is known is raised to the present version, what is not is kept as it is.
import { expect } from 'chai';
import { decodeEvent, EVENT_VERSIONS, isUnknown, type Upcast } from '#src/core/events/codec.js';
import type { StoredEvent } from '#src/core/events/envelope.js';
import type { EventType } from '#src/core/events/event.js';
import { completed, recorded, run, started } from '../support/journal-facts.js';

/** Every member of the union: the compiler refuses a list with one too few or too many. */
const TYPES: { readonly [T in EventType]: true } = {
  RunStarted: true,
  BackupTaken: true,
  BackupVerified: true,
  StepStarted: true,
  SchemaValidated: true,
  StepApplied: true,
  StepReverted: true,
  StepFailed: true,
  StepRolledBack: true,
  StepStamped: true,
  DriftDetected: true,
  RestoreStarted: true,
  BackupRestored: true,
  BackupPruned: true,
  RunCompleted: true,
  RunFailed: true,
  RunRecovered: true,
};

const stored = (more: Partial<StoredEvent> = {}): StoredEvent => {
  const [event] = recorded(run('r', completed()));
  if (event === undefined) throw new Error('nothing was recorded');
  return { ...event, ...more };
};

describe('EVENT_VERSIONS', () => {
  it('has a whole version from 1 for every type of the union, and for no other', () => {
    expect(Object.keys(EVENT_VERSIONS).toSorted()).to.deep.equal(Object.keys(TYPES).toSorted());
    for (const version of Object.values(EVENT_VERSIONS))
      expect(Number.isSafeInteger(version) && version >= 1).to.equal(true);
  });

  it('names every type in the past tense', () => {
    for (const type of Object.keys(TYPES)) expect(type).to.match(/(ed|en|Back)$/);
  });
});

describe('decodeEvent', () => {
  it('gives an event of the present version back as it is', () => {
    for (const event of recorded(run('r', started('up', ['1']), completed()))) {
      expect(decodeEvent(event)).to.deep.equal(event);
      expect(isUnknown(decodeEvent(event))).to.equal(false);
    }
  });

  it('has a way up from every version that was ever written', () => {
    for (const [type, newest] of Object.entries(EVENT_VERSIONS)) {
      for (let schemaVersion = 1; schemaVersion <= newest; schemaVersion++) {
        expect(() => decodeEvent(stored({ type, schemaVersion }))).not.to.throw();
      }
    }
  });

  it('keeps a type that it does not know, with its envelope', () => {
    for (const type of ['SomethingNew', 'toString', '__proto__', 'constructor', '']) {
      const event = stored({ type });
      expect(decodeEvent(event)).to.deep.equal({ ...event, unknown: true });
    }
  });

  it('keeps a version that is newer than this program', () => {
    const event = stored({ schemaVersion: EVENT_VERSIONS.RunCompleted + 1 });
    const decoded = decodeEvent(event);
    expect(isUnknown(decoded)).to.equal(true);
    expect(decoded).to.deep.equal({ ...event, unknown: true });
  });

  it('raises the data version by version, in order, and leaves the envelope as it was hashed', () => {
    const seen: string[] = [];
    const step =
      (name: string): Upcast =>
      (data) => {
        seen.push(name);
        return { ...data, trail: `${typeof data['trail'] === 'string' ? data['trail'] : ''}${name}` };
      };
    const upcasts = {
      'RunCompleted@1': step('a'),
      'RunCompleted@2': step('b'),
      'RunCompleted@3': step('c'),
      'RunFailed@2': step('x'),
    };
    const versions = { ...EVENT_VERSIONS, RunCompleted: 4 };
    const event = stored({ schemaVersion: 2 });
    expect(decodeEvent(event, upcasts, versions)).to.deep.equal({ ...event, data: { ...event.data, trail: 'bc' } });
    expect(seen).to.deep.equal(['b', 'c']);
    expect(decodeEvent(stored(), upcasts, versions)).to.have.nested.property('data.trail', 'abc');
    expect(decodeEvent(stored({ schemaVersion: 4 }), upcasts, versions).data).not.to.have.property('trail');
  });

  it('throws where an upcast was forgotten: a bug, not a fact about the journal', () => {
    expect(() => decodeEvent(stored(), {}, { ...EVENT_VERSIONS, RunCompleted: 2 })).to.throw('RunCompleted@1');
  });
});
