// Puts single tables back from an archive: its rows are staged in the transaction in which the tables are refilled.
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { LiveRestorePort } from '../../../../core/ports/backup-source.js';
import { asDamage, openArchive, type OpenArchive } from '../backup/archive-tools.js';
import { tablesMeant } from '../backup/archived-tables.js';
import type { PostgresConnection } from '../connection.js';
import type { QualifiedName } from '../name.js';
import type { KeptTable } from '../tables/catalogue.js';
import { lookOf, refillTables, type RefillOptions, type RestoreError } from '../tables/transaction.js';
import { fitting, stageRows } from './stage-rows.js';

/** `file`, `names`, `keep` and `record` are those of the port. */
export const restoreArchived =
  (options: RefillOptions): LiveRestorePort['restoreTables'] =>
  (file, names, keep, record) =>
    openArchive(file)
      .mapErr(asDamage)
      .andThen((archive) => refillTables(options, () => copiesOf(options, archive, names), keep, record));

/** `file` and `names` are those of the port. */
export const archiveFits =
  (connection: PostgresConnection): NonNullable<LiveRestorePort['fits']> =>
  (file, names) =>
    openArchive(file)
      .mapErr(asDamage)
      .andThen((archive) =>
        lookOf(connection, () =>
          meant(connection, archive, names)
            .andThen((tables) => fitting(connection, archive, tables))
            .map(() => undefined),
        ),
      );

const copiesOf = (
  { connection }: RefillOptions,
  archive: OpenArchive,
  names: readonly string[],
): ResultAsync<readonly KeptTable[], RestoreError> =>
  meant(connection, archive, names).andThen((tables) => stageRows(connection, archive, tables));

function meant(
  connection: PostgresConnection,
  { entries }: OpenArchive,
  names: readonly string[],
): ResultAsync<readonly QualifiedName[], RestoreError> {
  return tablesMeant(connection, entries, names).andThen((found) => {
    const unknown = found.find(({ tables }) => tables === undefined);
    if (unknown !== undefined)
      return errAsync<never, RestoreError>({ kind: 'table-not-in-backup', table: unknown.name });
    const all = new Map(found.flatMap(({ tables = [] }) => tables.map((table) => [JSON.stringify(table), table])));
    return okAsync([...all.values()]);
  });
}
