// Streams an archive through pg_restore into a session whose transaction is open; the archive's own COMMIT never gets there.
import type { Readable } from 'node:stream';
import { errAsync, okAsync, ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { OpenArchive } from '../backup/archive-tools.js';
import type { ArchiveEntry } from '../backup/archive.js';
import { listOf, withList } from '../backup/entry-list.js';
import { offlineEnvironment } from '../backup/environment.js';
import { runTool } from '../backup/run-tool.js';
import { classify } from '../classify.js';
import type { PsqlSession } from './psql-session.js';

/** The end of the script is held back until pg_restore has ended well; its COMMIT is in it. */
const HELD_BYTES = 4096;
/** Rows can be in it, in any encoding, and the first character of it can be cut in two: each byte stays what it is. */
const BYTES = 'latin1';
const COMMIT = '\nCOMMIT;\n';
const NOTHING_MORE = /^(?:--.*|\\unrestrict \S+|)$/;
/** Statements of psql's answer: the rows that each COPY took. */
const TAKEN = /^COPY (\d+)$/gm;

/**
 * `onBytes`: so much more of the script was taken. With `-1` the script begins with one BEGIN, which is only a warning in an open transaction, and ends with one COMMIT;
 * without it the large objects have a transaction of their own. Gives the rows that the server took, by COPY.
 */
export function replay(
  psql: PsqlSession,
  archive: OpenArchive,
  entries: readonly ArchiveEntry[],
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): ResultAsync<readonly number[], SqlError> {
  return (
    withList(listOf(entries), (list) =>
      runTool(
        {
          program: archive.tools.pgRestore,
          args: ['--single-transaction', '--file=-', `--use-list=${list}`, '--', archive.file],
          env: offlineEnvironment(),
          signal,
        },
        (output) => feedAllBut(psql, output, HELD_BYTES, onBytes),
      ),
    )
      .andThen((held) => {
        const end = endWithoutCommit(held.toString(BYTES));
        return end === undefined
          ? errAsync<string, SqlError>({ kind: 'other', code: '', message: 'the script of pg_restore has no end' })
          : okAsync<string, SqlError>(end);
      })
      .andThen((end) => ResultAsync.fromPromise(psql.feed(Buffer.from(end, BYTES)), (thrown) => classify(thrown)))
      .andThen(() => psql.endOfFeed())
      .map((answer) => [...answer.matchAll(TAKEN)].map(([, rows]) => Number(rows)))
      // Where the server refused, pg_restore only ended because nobody listened any more.
      .mapErr((error) => psql.failure ?? error)
  );
}

/** Hands the pieces on as they came, all but the last ones; a large archive is hundreds of megabytes of them. */
async function feedAllBut(
  psql: PsqlSession,
  output: Readable,
  heldBytes: number,
  onBytes: (bytes: number) => void,
): Promise<Buffer> {
  const held: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of output as AsyncIterable<Buffer>) {
    held.push(chunk);
    bytes += chunk.length;
    for (let [first] = held; first !== undefined && bytes - first.length >= heldBytes; [first] = held) {
      held.shift();
      bytes -= first.length;
      await psql.feed(first);
    }
    onBytes(chunk.length);
  }
  return Buffer.concat(held);
}

/** Undefined where the script does not end as one that was printed to its end. */
export function endWithoutCommit(tail: string): string | undefined {
  const at = tail.lastIndexOf(COMMIT);
  if (at < 0) return undefined;
  const rest = tail.slice(at + COMMIT.length);
  return rest.split('\n').every((line) => NOTHING_MORE.test(line)) ? `${tail.slice(0, at)}\n${rest}` : undefined;
}
