// A schema's fingerprint: the hash by which two moments, or two databases, are known to have the same schema.
import { schemaText, type HashOf } from './comparable.js';
import type { IdentifierRule, SchemaSnapshot } from './snapshot.js';

type Sha256 = (text: string) => string;

/**
 * Hashes the hashes of a schema's objects, each of its comparable form. Equal fingerprints mean that `diffSchemas` finds no
 * change, and the reverse; `sha256` takes text, hashes it as UTF-8 and gives lower-case hex.
 */
export function fingerprint(snapshot: SchemaSnapshot, sha256: Sha256): string {
  const known = FINGERPRINTS.get(snapshot);
  if (known !== undefined) return known;
  const hashes = HASHES[snapshot.identifiers];
  const hashOf: HashOf = (object, write) => {
    const before = hashes.get(object);
    if (before !== undefined) return before;
    const hashed = sha256(write());
    hashes.set(object, hashed);
    return hashed;
  };
  const made = sha256(schemaText(snapshot, hashOf));
  FINGERPRINTS.set(snapshot, made);
  return made;
}

/** A run asks for that of the same snapshot again and again. */
const FINGERPRINTS = new WeakMap<SchemaSnapshot, string>();
/** From one step to the next most objects of a schema stay the same. */
const HASHES: Readonly<Record<IdentifierRule, WeakMap<object, string>>> = {
  'ascii-case-insensitive': new WeakMap(),
  exact: new WeakMap(),
};
