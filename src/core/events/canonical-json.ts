// Canonical JSON as RFC 8785 (JCS) defines it: one text for one value, so that a hash of it means something.

/** A value that JSON can carry; numbers must be finite. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * Serialises with keys in UTF-16 order and ECMAScript's own number and string forms (RFC 8785, section 3.2).
 * Members that are `undefined` are left out. Throws on what JSON cannot carry: a bug of the caller.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`canonical JSON cannot carry ${value}`);
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    // RFC 8785 3.2.2.2: a lone surrogate has no UTF-8 form; U+FFFD is what an encoder would write anyway.
    return JSON.stringify(value.toWellFormed());
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object') {
    const object = value as Readonly<Record<string, unknown>>;
    let members = '';
    // Without a comparison of its own, a sort is by UTF-16 code units.
    for (const key of Object.keys(object).toSorted()) {
      const member = object[key];
      if (member === undefined) continue;
      members += `${members === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`;
    }
    return `{${members}}`;
  }
  throw new TypeError(`canonical JSON cannot carry a ${typeof value}`);
}
