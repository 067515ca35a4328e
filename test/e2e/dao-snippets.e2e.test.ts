// The code of docs/dao.md, run as its reader would run it.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const run = promisify(execFile);
const PAGE = readFileSync('docs/dao.md', 'utf8');

it('docs/dao.md shows what its code prints', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-dao-page-'));
  mkdirSync(path.join(folder, 'migrations'));
  const [, step = ''] = /```sql\n([^]*?)```/.exec(PAGE) ?? [];
  writeFileSync(path.join(folder, 'migrations', '0001_books.sql'), step);
  const [, shown = ''] = /<!-- end -->\n\n```\n([^]*?)```/.exec(PAGE) ?? [];
  const { stdout } = await run(process.execPath, [path.resolve('.build/examples/snippets/dao-use.js')], {
    cwd: folder,
  });
  expect(stdout.replace(/\b20\d\d\b/, '2026')).to.equal(shown);
  rmSync(folder, { recursive: true, force: true });
});
