// How far a new database is filled, by how large it is beside the live one; told in bytes of the archive.
import { stat } from 'node:fs/promises';
import { ResultAsync } from 'neverthrow';
import type { CopyProgress } from '../../../../../core/ports/backup-source.js';
import type { SqlError } from '../../../../../core/ports/session.js';
import { classify } from '../../classify.js';
import type { PostgresConnection } from '../../connection.js';

const SIZE = 'SELECT pg_catalog.pg_database_size($1::name) AS bytes';

/** Gives what looks, and tells. It is an estimate: never told as done, and what cannot be looked at is not told. */
export function growth(
  connection: PostgresConnection,
  { name, file, likely }: { readonly name: string; readonly file: string; readonly likely: number },
  tell: CopyProgress = () => undefined,
): ResultAsync<() => void, SqlError> {
  const size = (): ResultAsync<number, SqlError> =>
    connection.query<{ bytes: number }>(SIZE, [name]).map(({ rows: [row] }) => row?.bytes ?? 0);
  return ResultAsync.fromPromise(stat(file), (thrown) => classify(thrown)).andThen(({ size: total }) =>
    size().map((empty) => {
      let told = 0;
      return () =>
        void size().map((bytes) => {
          const part = (bytes - empty) / Math.max(1, likely - empty);
          told = Math.max(told, Math.round(total * Math.min(0.99, part)));
          tell(told, total);
        });
    }),
  );
}
