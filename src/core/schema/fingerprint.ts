// A schema's fingerprint: the hash by which two moments, or two databases, are known to have the same schema.
import { schemaText, type Hashes } from './comparable.js';
import type { IdentifierRule, SchemaSnapshot } from './snapshot.js';

type Sha256 = (text: string) => string;

/**
 * Hashes the hashes of a schema's objects, each of its comparable form. Equal fingerprints mean that `diffSchemas` finds no
 * change, and the reverse; `sha256` takes text, hashes it as UTF-8 and gives lower-case hex.
 */
export function fingerprint(snapshot: SchemaSnapshot, sha256: Sha256): string {
  const known = FINGERPRINTS.get(snapshot);
  if (known !== undefined) return known;
  const made = sha256(schemaText(snapshot, hashesFor(snapshot.identifiers, sha256)));
  FINGERPRINTS.set(snapshot, made);
  return made;
}

function hashesFor(rule: IdentifierRule, sha256: Sha256): Hashes {
  const { objects, lists } = HASHES[rule];
  return (all, text) => {
    const before = lists.get(all);
    if (before !== undefined) return before;
    const hashes = all.map((object) => {
      const hash = objects.get(object) ?? sha256(text(object));
      objects.set(object, hash);
      return hash;
    });
    // Of hexadecimal digits any order is that of the code units.
    const sorted = hashes.toSorted();
    lists.set(all, sorted);
    return sorted;
  };
}

/** A run asks for that of the same snapshot again and again. */
const FINGERPRINTS = new WeakMap<SchemaSnapshot, string>();
/** From one step to the next most objects of a schema stay the same, and whole lists of them. */
interface Hashed {
  readonly objects: WeakMap<object, string>;
  readonly lists: WeakMap<readonly object[], readonly string[]>;
}
const HASHES: Readonly<Record<IdentifierRule, Hashed>> = {
  'ascii-case-insensitive': { objects: new WeakMap(), lists: new WeakMap() },
  exact: { objects: new WeakMap(), lists: new WeakMap() },
};
