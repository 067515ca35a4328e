// How much memory reading a million rows takes above a process that has its database open.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { peopleIn } from '../dao/people.js';
import type { Dialect } from '../history.js';
import type { Row } from '../row.js';

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL('../dao/stream-child.js', import.meta.url));
const ROWS = 1_000_000;
const LIMIT_MB = 60;

/** Megabytes above a process that is connected. */
async function read(url: string, way: 'dao' | 'by-hand'): Promise<number> {
  const { stdout } = await run(process.execPath, [CHILD, url, way]);
  const { rows, grown } = JSON.parse(stdout) as Record<'rows' | 'grown', number>;
  if (rows !== ROWS) throw new Error(`${rows} rows came, not ${ROWS}`);
  return grown;
}

const streamed = (dialect: Dialect): Row => ({
  name: dialect === 'sqlite' ? 'dao-stream' : 'pg-dao-stream',
  dialect,
  peer: 'the limit',
  unit: 'MB',
  atMost: 1,
  async measure(scratch) {
    const ways = await peopleIn(scratch, dialect, ROWS);
    if (ways === undefined) return undefined;
    const [ours, byHand] = [await read(ways.url, 'dao'), await read(ways.url, 'by-hand')];
    return { ours, theirs: LIMIT_MB, note: `${ROWS} rows; knex by hand, page by page: ${byHand.toFixed(0)} MB` };
  },
});

export const streamRows: readonly Row[] = [streamed('sqlite'), streamed('postgres')];
