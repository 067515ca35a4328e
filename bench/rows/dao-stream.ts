// How much memory reading a million rows takes above the process's start.
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

const streamed = (dialect: Dialect): Row => ({
  name: dialect === 'sqlite' ? 'dao-stream' : 'pg-dao-stream',
  dialect,
  peer: 'the limit',
  unit: 'MB',
  atMost: 1,
  async measure(scratch) {
    const ways = await peopleIn(scratch, dialect, ROWS);
    if (ways === undefined) return undefined;
    const { stdout } = await run(process.execPath, [CHILD, ways.url]);
    const { rows, grownBy } = JSON.parse(stdout) as { readonly rows: number; readonly grownBy: number };
    if (rows !== ROWS) throw new Error(`${rows} rows came, not ${ROWS}`);
    return { ours: grownBy, theirs: LIMIT_MB, note: `${ROWS} rows` };
  },
});

export const streamRows: readonly Row[] = [streamed('sqlite'), streamed('postgres')];
