// `npm run bench [-- name…]`: measures the rows (all, or those named), prints them as a table and keeps them in results.json.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Row, RowResult } from './row.js';
import { fileBackup } from './rows/backup.js';
import { apiUnderLoad } from './rows/api-load.js';
import { daoRows } from './rows/dao.js';
import { streamRows } from './rows/dao-stream.js';
import { importCold } from './rows/import-cold.js';
import { memoryOfBackup, memoryOfRestore } from './rows/memory.js';
import { noopAgainstKnex, noopWithLongJournal } from './rows/noop.js';
import { postgresBackup, postgresRestore } from './rows/postgres-backup.js';
import { postgresGuard } from './rows/postgres-guard.js';
import { postgresNoop, postgresRun } from './rows/postgres-runs.js';
import { postgresTouched, postgresUntouched } from './rows/postgres-writers.js';
import { runSteps } from './rows/run-steps.js';
import { Scratch } from './scratch.js';
import { heading, lineOf } from './table.js';

const ROWS: readonly Row[] = [
  noopAgainstKnex,
  noopWithLongJournal,
  importCold,
  runSteps,
  fileBackup,
  memoryOfBackup,
  memoryOfRestore,
  postgresNoop,
  postgresRun,
  postgresBackup,
  postgresRestore,
  postgresUntouched,
  postgresTouched,
  postgresGuard,
  ...daoRows,
  ...streamRows,
  apiUnderLoad,
];
const RESULTS = fileURLToPath(new URL('../../bench/results.json', import.meta.url));

const names = process.argv.slice(2);
const unknown = names.filter((name) => !ROWS.some((row) => row.name === name));
if (unknown.length > 0) {
  process.stderr.write(`not known: ${unknown.join(', ')}; the names are ${ROWS.map(({ name }) => name).join(', ')}\n`);
  process.exitCode = 2;
} else {
  save(await measureAll(names.length === 0 ? ROWS : ROWS.filter(({ name }) => names.includes(name))));
}

async function measureAll(rows: readonly Row[]): Promise<RowResult[]> {
  const scratch = new Scratch();
  const results: RowResult[] = [];
  process.stdout.write(`${heading()}\n`);
  try {
    for (const { measure, ...row } of rows) {
      const measured = await measure(scratch);
      if (measured === undefined) {
        process.stderr.write(`SKIPPED: ${row.name}: there is no PostgreSQL here (apt-get install postgresql)\n`);
        continue;
      }
      const { ours, theirs, note } = measured;
      const result: RowResult = {
        ...row,
        ours: rounded(ours),
        theirs: rounded(theirs),
        ratio: rounded(ours / theirs),
        ...(note === undefined ? {} : { note }),
      };
      results.push(result);
      process.stdout.write(`${lineOf(result)}\n`);
    }
  } finally {
    await scratch.end();
  }
  return results;
}

/** Rows that were not measured this time stay as they were measured last. */
function save(measured: readonly RowResult[]): void {
  const before = existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as readonly RowResult[]) : [];
  const kept = ROWS.flatMap(
    ({ name }) => measured.find((row) => row.name === name) ?? before.find((row) => row.name === name) ?? [],
  );
  writeFileSync(RESULTS, `${JSON.stringify(kept, null, 2)}\n`);
}

function rounded(figure: number): number {
  return Math.round(figure * 100) / 100;
}
