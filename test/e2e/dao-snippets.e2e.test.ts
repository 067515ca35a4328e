// The code of docs/dao.md and docs/append-only.md, run as its reader would run it.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const run = promisify(execFile);

for (const [page, script] of [
  ['docs/dao.md', 'dao-use.js'],
  ['docs/append-only.md', 'append-only-use.js'],
] as const)
  it(`${page} shows what its code prints`, async () => {
    const text = readFileSync(page, 'utf8');
    const folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-dao-page-'));
    mkdirSync(path.join(folder, 'migrations'));
    const [, step = ''] = /```sql\n([^]*?)```/.exec(text) ?? [];
    writeFileSync(path.join(folder, 'migrations', '0001_table.sql'), step);
    const [, shown = ''] = /<!-- end -->\n\n```\n([^]*?)```/.exec(text) ?? [];
    const { stdout } = await run(process.execPath, [path.resolve('.build/examples/snippets', script)], { cwd: folder });
    expect(stdout.replace(/\b20\d\d\b/, '2026')).to.equal(shown);
    rmSync(folder, { recursive: true, force: true });
  });
