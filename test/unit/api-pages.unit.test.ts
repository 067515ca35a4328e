// The reference of the public entries is what their doc comments say, and every export says something.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';

const run = (cwd: string, ...flags: readonly string[]): { readonly status: number | null; readonly stderr: string } =>
  spawnSync(process.execPath, [path.resolve('scripts/api-pages.mjs'), ...flags], { cwd, encoding: 'utf8' });

const PROJECT = {
  'package.json': JSON.stringify({
    name: 'some-lib',
    exports: {
      '.': { types: './dist/index.d.ts' },
      './more': { types: './dist/more.d.ts' },
      './package.json': './p',
    },
  }),
  'src/index.ts': '// Greets.\n',
  'src/more.ts': '// Entry `some-lib/more`: greets more people.\n',
  'dist/index.d.ts': "export { greet } from './greet.js';\nexport type { Greet } from './greet.js';\n",
  'dist/more.d.ts': "export { greet } from './greet.js';\nexport { Greeter } from './greeter.js';\n",
  'dist/greet.d.ts': `/** Whom it greets. */
interface Person {
    readonly name: string;
}
type Secret = 'never named';
/**
 * Says hello, once.
 * @example
 * greet({ name: 'Ann' });
 */
export declare function greet(person: Person): string;
/** What greets. */
export type Greet = typeof greet;
`,
  'dist/greeter.d.ts': `import type { Greet } from './greet.js';
/** Not for callers. */
interface Wires {
    readonly wire: 1;
}
/** Greets again and again. */
export declare class Greeter {
    #private;
    protected readonly wires: Wires;
    constructor(wires: Wires);
    /** One greeting. */
    say(greet: Greet): void;
}
`,
};

describe('the reference of the API', () => {
  it('is what the doc comments say', function () {
    this.slow(2_000);
    const { status, stderr } = run('.', '--check');
    expect(stderr, 'npm run docs:api makes it so').to.equal('');
    expect(status).to.equal(0);
  });

  describe('of a small package', () => {
    let folder = '';
    const write = (file: string, text: string): void => {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    };
    const page = (name: string): string => readFileSync(path.join(folder, 'docs', 'api', name), 'utf8');
    beforeEach(() => {
      folder = mkdtempSync(path.join(tmpdir(), 'migrate-safe-api-'));
      for (const [file, text] of Object.entries(PROJECT)) write(file, text);
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    it('shows an export with its words, its example and what it names', () => {
      expect(run(folder)).to.include({ status: 0, stderr: '' });
      const main = page('some-lib.md');
      expect(main).to.match(/^# some-lib\n\nGreets\.\n/);
      expect(main).to.contain(
        "### greet\n\nSays hello, once.\n\n```ts\nfunction greet(person: Person): string;\n```\n\nFor example:\n\n```ts\ngreet({ name: 'Ann' });\n```\n\nWith [Person](#person).",
      );
      // Two headings that differ in their case only.
      expect(main).to.contain('**Types:** [Greet](#greet-1)');
      expect(main).to.contain('### Person\n\nWhom it greets.');
      expect(main).not.to.contain('Secret');
      expect(page('more.md')).to.contain('**Exported here as well:** [greet](some-lib.md#greet)');
    });

    it('leaves out what no caller can use', () => {
      run(folder);
      expect(page('more.md')).to.contain(
        'class Greeter {\n  /** One greeting. */\n  say(greet: Greet): void;\n}\n```\n\nWith [Greet](some-lib.md#greet-1).',
      );
      expect(page('more.md')).not.to.contain('Wires');
    });

    it('fails where a page is not what it was made of', () => {
      run(folder);
      expect(run(folder, '--check').status).to.equal(0);
      write('dist/greet.d.ts', PROJECT['dist/greet.d.ts'].replace('once', 'twice'));
      const { status, stderr } = run(folder, '--check');
      expect(status).to.equal(1);
      expect(stderr).to.equal('docs/api/some-lib.md is not what the doc comments say: npm run docs:api\n');
      expect(page('some-lib.md')).to.contain('once');
    });

    it('fails where a page is of an entry that is gone, and removes it', () => {
      run(folder);
      write('docs/api/gone.md', '# gone\n');
      const { status, stderr } = run(folder, '--check');
      expect(status).to.equal(1);
      expect(stderr).to.equal('docs/api/gone.md is of no entry: npm run docs:api\n');
      run(folder);
      expect(run(folder, '--check')).to.include({ status: 0, stderr: '' });
    });

    it('fails where an export, or a member of a class, says nothing', () => {
      write('dist/greeter.d.ts', 'export declare class Greeter {\n    say(): void;\n}\n');
      const { status, stderr } = run(folder);
      expect(status).to.equal(1);
      expect(stderr.replaceAll('\\', '/')).to.equal(
        'dist/greeter.d.ts: Greeter of some-lib/more says nothing\ndist/greeter.d.ts: Greeter.say of some-lib/more says nothing\n',
      );
    });
  });
});
