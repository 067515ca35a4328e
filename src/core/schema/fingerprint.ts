// A schema's fingerprint: the hash by which two moments, or two databases, are known to have the same schema.
import { schemaText } from './comparable.js';
import type { SchemaSnapshot } from './snapshot.js';

/**
 * Hashes the comparable form of a schema. Equal fingerprints mean that `diffSchemas` finds no change, and the reverse;
 * `sha256` takes text, hashes it as UTF-8 and gives lower-case hex.
 */
export function fingerprint(snapshot: SchemaSnapshot, sha256: (text: string) => string): string {
  const known = FINGERPRINTS.get(snapshot) ?? sha256(schemaText(snapshot));
  FINGERPRINTS.set(snapshot, known);
  return known;
}

/** A run asks for that of the same snapshot again and again. */
const FINGERPRINTS = new WeakMap<SchemaSnapshot, string>();
