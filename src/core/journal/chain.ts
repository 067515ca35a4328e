// The hash chain: links new events to the head, and finds where a stored chain was tampered with.
import { EVENT_VERSIONS } from '../events/codec.js';
import { envelopeHash, GENESIS, type Actor, type RecordedEvent, type StoredEvent } from '../events/envelope.js';
import type { DomainEvent } from '../events/event.js';

/** Where a journal ends; position 0 with the genesis hash when it is empty. */
export interface JournalHead {
  readonly position: number;
  readonly hash: string;
}
export const EMPTY_HEAD: JournalHead = { position: 0, hash: GENESIS };

/** What was found wrong in a stored chain, and at which position. */
export interface BrokenChain {
  readonly position: number;
  readonly problem: 'missing' | 'out-of-order' | 'edited' | 'unlinked';
}

/** What every event of one append shares. */
export interface Recording {
  readonly runId: string;
  readonly component: string;
  readonly recordedAt: string;
  readonly actor: Actor;
}

/** Links facts to the head, in order. */
export function link(head: JournalHead, recording: Recording, events: readonly DomainEvent[]): RecordedEvent[] {
  let { position, hash } = head;
  return events.map((event) => {
    const draft = {
      ...recording,
      position: position + 1,
      type: event.type,
      schemaVersion: EVENT_VERSIONS[event.type],
      data: event.data as Readonly<Record<string, unknown>>,
      previousHash: hash,
    };
    hash = envelopeHash(draft);
    position += 1;
    return { ...draft, hash } as RecordedEvent;
  });
}

/** Walks a stored chain from its start (or from a trusted head) and returns the first thing that is wrong. */
export function findBreak(events: readonly StoredEvent[], from: JournalHead = EMPTY_HEAD): BrokenChain | undefined {
  let { position, hash } = from;
  for (const event of events) {
    const expected = position + 1;
    if (event.position > expected) return { position: expected, problem: 'missing' };
    if (event.position < expected) return { position: event.position, problem: 'out-of-order' };
    if (envelopeHash(event) !== event.hash) return { position: expected, problem: 'edited' };
    if (event.previousHash !== hash) return { position: expected, problem: 'unlinked' };
    position = event.position;
    hash = event.hash;
  }
  return undefined;
}
