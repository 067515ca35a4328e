// Puts single tables back from an archive: its rows are staged in the transaction in which the tables are refilled.
import { errAsync, ResultAsync } from 'neverthrow';
import type { LiveRestorePort } from '../../../../core/ports/backup-source.js';
import { asDamage, openArchive, type OpenArchive } from '../backup/archive-tools.js';
import { tablesMeant } from '../backup/archived-tables.js';
import type { KeptTable } from '../tables/catalogue.js';
import { refillTables, type RefillOptions, type RestoreError } from '../tables/transaction.js';
import { stageRows } from './stage-rows.js';

/** `file`, `names`, `keep` and `record` are those of the port. */
export const restoreArchived =
  (options: RefillOptions): LiveRestorePort['restoreTables'] =>
  (file, names, keep, record) =>
    openArchive(file)
      .mapErr(asDamage)
      .andThen((archive) => refillTables(options, () => copiesOf(options, archive, names), keep, record));

function copiesOf(
  { connection }: RefillOptions,
  archive: OpenArchive,
  names: readonly string[],
): ResultAsync<readonly KeptTable[], RestoreError> {
  return tablesMeant(connection, archive.entries, names).andThen((meant) => {
    const unknown = meant.find(({ tables }) => tables === undefined);
    if (unknown !== undefined)
      return errAsync<never, RestoreError>({ kind: 'table-not-in-backup', table: unknown.name });
    const all = new Map(meant.flatMap(({ tables = [] }) => tables.map((table) => [JSON.stringify(table), table])));
    return stageRows(connection, archive, [...all.values()]);
  });
}
