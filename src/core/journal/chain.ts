// The journal's chain: links new events to the head, and finds where a stored chain was tampered with.
import { EVENT_VERSIONS } from '../events/codec.js';
import { envelopeHash, type Actor, type RecordedEvent, type StoredEvent } from '../events/envelope.js';
import type { DomainEvent } from '../events/event.js';
import { breakBehind, EMPTY_HEAD, type BrokenChain, type ChainHead } from './hash-chain.js';

export { EMPTY_HEAD, type BrokenChain } from './hash-chain.js';
/** Where a journal ends. */
export type JournalHead = ChainHead;

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
  let head = from;
  for (const event of events) {
    const broken = breakBehind(head, event, () => envelopeHash(event));
    if (broken) return broken;
    head = { position: event.position, hash: event.hash };
  }
  return undefined;
}
