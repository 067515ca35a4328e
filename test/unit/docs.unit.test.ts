// The documentation says what the program has: every name of it in the reference, code as in the tested files, no dead link.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import type { Command } from 'commander';
import { makeProgram } from '#src/cli/program.js';
import type { MigrateSafeOptions } from '#src/config.js';
import { CATALOGUE } from '#src/core/errors/catalogue.js';
import { EVENT_VERSIONS } from '#src/core/events/codec.js';
import type { Progress } from '#src/core/manager/progress.js';
import { STEP_MEMBERS } from '#src/core/steps/migration-step.js';

const ROOT = process.cwd();
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const reference = read('docs/reference.md');
const pages: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => path.posix.join('docs', file.split(path.sep).join('/'))),
];

const withoutBlocks = (text: string): string => text.replaceAll(/^ *```[^]*?^ *```/gm, '');
const inCode = [...withoutBlocks(reference).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);

/** A name counts as documented where it stands in code font, alone or in a form of use. */
const isNamed = (name: string): boolean => {
  const word = new RegExp(`(?<![\\w-])${name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w-])`);
  return inCode.some((code) => word.test(code));
};
const missingOf = (names: Iterable<string>): string[] => [...names].filter((name) => !isNamed(name));

/** The text between two headings of the reference. */
function section(title: string): string {
  const [, text = ''] = reference.split(`\n## ${title}\n`);
  return text.split('\n## ')[0] ?? '';
}

const commandsOf = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(commandsOf)];

describe('the reference', () => {
  it('names every error code', () => {
    expect(missingOf([...Object.values(CATALOGUE).map(({ code }) => code), 'MS-DOCTOR', 'MS-BUG'])).to.deep.equal([]);
  });

  it('gives each error code its kind and its exit code', () => {
    const rows = Object.entries(CATALOGUE).map(([kind, { code, exit }]) => `| \`${code}\` | ${kind} | ${exit} |`);
    expect(rows.filter((row) => !reference.includes(row))).to.deep.equal([]);
  });

  it('names no error code that does not exist', () => {
    const codes = new Set([...Object.values(CATALOGUE).map(({ code }) => code), 'MS-DOCTOR', 'MS-BUG']);
    const named = pages.flatMap((page) => [...read(page).matchAll(/\bMS-[A-Z]+(?:-[A-Z]+)*\b/g)].map(([code]) => code));
    expect(named.filter((code) => !codes.has(code))).to.deep.equal([]);
  });

  it('names every exit code', () => {
    const rows = [0, ...Object.values(CATALOGUE).map(({ exit }) => exit)].map((exit) => `\n| ${exit} |`);
    expect(rows.filter((row) => !section('Exit codes').includes(row))).to.deep.equal([]);
  });

  it('names every type of event', () => {
    expect(missingOf(Object.keys(EVENT_VERSIONS))).to.deep.equal([]);
  });

  it('names every member of the configuration', () => {
    const members = {
      database: true,
      steps: true,
      contract: true,
      backups: true,
      component: true,
      guard: true,
      fileBackup: true,
      fileBackupBy: true,
      largeDatabaseBytes: true,
      tableBackup: true,
      onFailure: true,
      outOfOrder: true,
      onAhead: true,
      lockWait: true,
      keepRuns: true,
    } satisfies Record<keyof MigrateSafeOptions, true>;
    expect(
      Object.keys(members).filter((member) => !section('Configuration').includes(`| \`${member}\` |`)),
    ).to.deep.equal([]);
  });

  it('names every member of a step', () => {
    expect([...STEP_MEMBERS].filter((member) => !section('Steps in code').includes(`| \`${member}\` |`))).to.deep.equal(
      [],
    );
  });

  it('names every directive, and everything that may be dropped', () => {
    const source = read('src/steps/sql-directives.ts');
    const directives = [...source.matchAll(/case '([a-z-]+)':/g)].map(([, name = '']) => name);
    const droppable = [...(/DROPPABLE = \[([^\]]+)\]/.exec(source)?.[1] ?? '').matchAll(/'(\w+)'/g)].map(
      ([, name = '']) => `${name}=`,
    );
    expect(directives).to.have.length.greaterThan(5);
    expect(droppable).to.have.length.greaterThan(4);
    expect(
      [...directives.map((name) => `-- migrate-safe: ${name}`), ...droppable].filter(
        (text) => !section('Directives').includes(text),
      ),
    ).to.deep.equal([]);
  });

  it('names every command and every flag', () => {
    const commands = commandsOf(makeProgram(() => undefined));
    const flags = commands.flatMap(({ options }) => options.map(({ long }) => long ?? ''));
    expect(new Set(flags).size).to.be.greaterThan(20);
    expect(missingOf(new Set(flags))).to.deep.equal([]);
    expect(missingOf(commands.slice(1).map((command) => command.name()))).to.deep.equal([]);
  });

  it('names every variable of the environment', () => {
    const names = [
      ...(/const NAMES = \[([^\]]+)\]/.exec(read('src/cli/settings.ts'))?.[1] ?? '').matchAll(/'(\w+)'/g),
    ].map(([, name = '']) => name);
    const variables = names.map(
      (name) => `MIGRATE_SAFE_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
    );
    expect(variables).to.have.length.greaterThan(5);
    expect(missingOf([...variables, 'MIGRATE_SAFE_CONFIG', 'DATABASE_URL'])).to.deep.equal([]);
  });

  it('names every kind of progress', () => {
    const kinds = {
      waiting: true,
      recovered: true,
      planned: true,
      warning: true,
      'large-database': true,
      'step-started': true,
      'backup-progress': true,
      'backup-taken': true,
      worked: true,
      observed: true,
      'guard-warning': true,
      validated: true,
      recorded: true,
      'step-failed': true,
      'verify-progress': true,
      'restore-progress': true,
    } satisfies Record<Progress['kind'], true>;
    expect(missingOf(Object.keys(kinds))).to.deep.equal([]);
  });
});

describe('the pages', () => {
  const BLOCK = /<!-- from (\S+) -->\n```\w*\n([^]*?)```\n<!-- end -->/g;

  it('show code as it stands in the files that are compiled', () => {
    const blocks = pages.flatMap((page) =>
      [...read(page).matchAll(BLOCK)].map(([, file = '', text = '']) => ({
        page,
        file,
        same: existsSync(path.join(ROOT, file)) && read(file) === text,
      })),
    );
    expect(blocks.length).to.equal(pages.reduce((all, page) => all + read(page).split('<!-- from ').length - 1, 0));
    expect(blocks.map(({ page }) => page)).to.include.members(['README.md', 'docs/reference.md']);
    expect(blocks.filter(({ same }) => !same)).to.deep.equal([]);
  });

  it('link to nothing that is not there', () => {
    const dead = pages.flatMap((page) =>
      linksIn(read(page))
        .filter((link) => !leadsSomewhere(page, link))
        .map((link) => `${page}: ${link}`),
    );
    expect(dead).to.deep.equal([]);
  });

  it('are all linked from the README or from the list of decisions', () => {
    const linked = new Set(
      pages.flatMap((page) =>
        linksIn(read(page)).map((link) => path.posix.join(path.posix.dirname(page), link.split('#')[0] ?? '')),
      ),
    );
    expect(pages.filter((page) => page !== 'README.md' && !linked.has(page))).to.deep.equal([]);
  });
});

/** Relative links; what stands in code is none. */
function linksIn(text: string): string[] {
  const prose = withoutBlocks(text).replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, link = '']) => link).filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
  if (!existsSync(path.join(ROOT, target))) return false;
  return anchor === undefined || anchorsOf(read(target)).has(anchor);
}

/** The names that headings get: lower case, blanks as hyphens, punctuation dropped, a number from the second one on. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = withoutBlocks(text).matchAll(/^#+ +(.+)$/gm);
  const times = new Map<string, number>();
  return new Set(
    [...headings].map(([, heading = '']) => {
      const anchor = heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-');
      const before = times.get(anchor) ?? 0;
      times.set(anchor, before + 1);
      return before === 0 ? anchor : `${anchor}-${before}`;
    }),
  );
}
