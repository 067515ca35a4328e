// How the engine's own statements read what the server gives: never by the parsers that a host has set for the whole process.
import type { CustomTypesConfig } from 'pg';

type Parse = (text: string) => unknown;
const bytes: Parse = (text) => Buffer.from(text.slice(2), 'hex');
const json: Parse = (text) => JSON.parse(text) as unknown;
const bool: Parse = (text) => text === 't';

// https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat; all others are texts. Counts and
// positions of the engine stay far below 2^53.
const SCALARS: ReadonlyMap<number, Parse> = new Map([
  [16, bool],
  [17, bytes],
  [20, Number],
  [21, Number],
  [23, Number],
  [26, Number],
  [114, json],
  [700, Number],
  [701, Number],
  [3802, json],
]);
/** Arrays of those, and of texts, in one dimension. */
const ARRAYS: ReadonlyMap<number, Parse> = new Map([
  [1000, bool],
  [1005, Number],
  [1007, Number],
  [1016, Number],
  [1028, Number],
  [1009, String],
  [1015, String],
]);

const ITEM = /"((?:[^"\\]|\\.)*)"|([^{},"]+)/g;
const arrayOf = (text: string, element: Parse): readonly unknown[] =>
  [...text.matchAll(ITEM)].map(([, quoted, bare]) =>
    quoted === undefined ? (bare === 'NULL' ? null : element(bare ?? '')) : element(quoted.replaceAll(/\\(.)/g, '$1')),
  );

export const OWN_TYPES: CustomTypesConfig = {
  getTypeParser: (oid: number): Parse => {
    const element = ARRAYS.get(oid);
    return element === undefined ? (SCALARS.get(oid) ?? String) : (text) => arrayOf(text, element);
  },
};
