// A schema's fingerprint: the hash by which two moments, or two databases, are known to have the same schema.
import { schemaText } from './comparable.js';
import type { SchemaSnapshot } from './snapshot.js';

/**
 * Hashes the comparable form of a schema. Equal fingerprints mean that `diffSchemas` finds no change, and the reverse;
 * `sha256` takes text, hashes it as UTF-8 and gives lower-case hex.
 */
export function fingerprint(snapshot: SchemaSnapshot, sha256: (text: string) => string): string {
  return sha256(schemaText(snapshot));
}
