// The envelope in which a fact is recorded, and the hash that ties it to the one before it.
import type { Sha256 } from '../brands.js';
import { linkHash } from '../journal/hash-chain.js';
import type { DomainEvent } from './event.js';

/** Who recorded an event. */
export interface Actor {
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly engine: string;
}

interface EnvelopeBase {
  /** Gapless, from 1. */
  readonly position: number;
  readonly runId: string;
  readonly component: string;
  /** Version of the event type's data. */
  readonly schemaVersion: number;
  /** UTC, ISO 8601. */
  readonly recordedAt: string;
  readonly actor: Actor;
  readonly previousHash: string;
  readonly hash: string;
}

/** A fact that was recorded. */
export type RecordedEvent = {
  [T in DomainEvent['type']]: EnvelopeBase & Extract<DomainEvent, { type: T }>;
}[DomainEvent['type']];

/** A fact of a type that this version does not know: kept and hashed, never interpreted. */
export interface UnknownEvent extends EnvelopeBase {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly unknown: true;
}

/** What lies in a journal before it is decoded: `data` and `actor` exactly as they were hashed. */
export interface StoredEvent extends EnvelopeBase {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The hash of the envelope without its own. */
export function envelopeHash(event: Omit<StoredEvent, 'hash'>): Sha256 {
  const { position, runId, component, type, schemaVersion, recordedAt, actor, data, previousHash } = event;
  return linkHash({
    position,
    runId,
    component,
    type,
    schemaVersion,
    recordedAt,
    actor,
    data,
    previousHash,
  });
}
