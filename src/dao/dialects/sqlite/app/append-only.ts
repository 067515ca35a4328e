// The triggers that keep an append-only table of SQLite as it is, whoever writes.
import type { Guarded } from '../../../table/guarded.js';
import { quoted } from '../quote.js';

export function appendOnly({ schema, table, position }: Guarded): {
  readonly apply: string[];
  readonly revert: string[];
} {
  const inSchema = schema === undefined ? '' : `${quoted(schema)}.`;
  const name = (what: string): string => `${inSchema}${quoted(`${table}_${what}`)}`;
  const on = quoted(table);
  const at = quoted(position);
  const says = (what: string): string => `SELECT RAISE(ABORT, '${`${table} ${what}`.replaceAll("'", "''")}');`;
  const refusing = (what: 'UPDATE' | 'DELETE'): string =>
    `CREATE TRIGGER ${name(`no_${what.toLowerCase()}`)} BEFORE ${what} ON ${on} BEGIN ${says('is append-only')} END`;
  return {
    apply: [
      refusing('UPDATE'),
      refusing('DELETE'),
      // INSERT OR REPLACE takes rows away without a trigger for deletes: no row comes where one is.
      `CREATE TRIGGER ${name('in_turn')} BEFORE INSERT ON ${on} WHEN NEW.${at} IS NOT (SELECT coalesce(max(${at}), 0) + 1 FROM ${on}) BEGIN ${says('does not end where this row begins')} END`,
    ],
    revert: ['in_turn', 'no_delete', 'no_update'].map((what) => `DROP TRIGGER ${name(what)}`),
  };
}
