// The names of tables as messages, declarations and reports have them, and as statements need them.

export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
}

/** The inverse of `nameOf`; `schema` is `public` where none is said. */
export function parseName(text: string): QualifiedName {
  const parts = [...text.matchAll(PART)].map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? '');
  const [first = '', second] = parts;
  return second === undefined ? { schema: 'public', name: first } : { schema: first, name: second };
}
const PART = /(?:^|\.)(?:"((?:[^"]|"")*)"|([^."]*))/g;

/** Without the schema where that is public, in quotes only where it would be read as another one; as the inspector names them. */
export const nameOf = ({ schema, name }: QualifiedName): string =>
  schema === 'public' ? part(name) : `${part(schema)}.${part(name)}`;
const part = (name: string): string => (/[."]/.test(name) ? quoted(name) : name);

/** As an identifier in a statement. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** As a statement needs it, with an empty search path too. */
export const sqlName = ({ schema, name }: QualifiedName): string => `${quoted(schema)}.${quoted(name)}`;
