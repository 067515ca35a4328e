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
    // Without a comparison of its own, a sort is by UTF-16 code units.
    const members = Object.keys(value).toSorted();
    const text = (key: string): string => {
      const member = (value as Readonly<Record<string, unknown>>)[key];
      return member === undefined ? '' : `${JSON.stringify(key)}:${canonicalJson(member)}`;
    };
    return `{${members.map(text).filter(Boolean).join(',')}}`;
  }
  throw new TypeError(`canonical JSON cannot carry a ${typeof value}`);
}
