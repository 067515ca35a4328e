// A chain of hashes, whatever its links record: the journal's events, the rows of an append-only table.
import { sha256, type Sha256 } from '../brands.js';
import { canonicalJson } from '../events/canonical-json.js';

/** The hash before the first link. */
export const GENESIS = '0'.repeat(64);

/** Where a chain ends; position 0 with the genesis hash when it is empty. */
export interface ChainHead {
  readonly position: number;
  readonly hash: string;
}
export const EMPTY_HEAD: ChainHead = { position: 0, hash: GENESIS };

/** One link as it is stored. */
export interface Link extends ChainHead {
  readonly previousHash: string;
}

/** What was found wrong in a stored chain, and at which position. */
export interface BrokenChain {
  readonly position: number;
  readonly problem: 'missing' | 'out-of-order' | 'edited' | 'unlinked';
}

/**
 * sha256 over `<byte length>:<canonical JSON>` of what a link says, its position and the hash before it included. The
 * length prefix keeps two of them from ever being read as one.
 */
export function linkHash(content: unknown): Sha256 {
  const text = canonicalJson(content);
  return sha256(`${Buffer.byteLength(text)}:${text}`);
}

/** What is wrong with the link behind `head`; `rehashed` is the hash of what it says now. */
export function breakBehind(head: ChainHead, link: Link, rehashed: () => string): BrokenChain | undefined {
  const expected = head.position + 1;
  if (link.position > expected) return { position: expected, problem: 'missing' };
  if (link.position < expected) return { position: link.position, problem: 'out-of-order' };
  if (rehashed() !== link.hash) return { position: expected, problem: 'edited' };
  if (link.previousHash !== head.hash) return { position: expected, problem: 'unlinked' };
  return undefined;
}
