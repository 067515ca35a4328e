// The rules of the house, read from the sources themselves: who may import whom, who may name a dialect, how long a file may be.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { CATALOGUE } from '#src/core/errors/catalogue.js';
import { migrateError } from '#src/core/errors/migrate-error.js';
import { VERSION } from '#src/version.js';

const ROOT = process.cwd();
const MOST_LINES = 260;

interface Source {
  /** From `src/`, with forward slashes. */
  readonly file: string;
  readonly text: string;
  readonly imports: readonly { readonly from: string; readonly typeOnly: boolean }[];
}

const IMPORT =
  /^(?:import|export)\s+(type\s)?(?:[^;`=]*?)from\s+'([^']+)'|^import\s+'([^']+)'|(?<![\w.])(?:import|require)\(\s*'([^']+)'/gm;
/** Templates are text: the command writes files that import. */
const withoutTemplates = (text: string): string => text.replaceAll(/`(?:[^`\\]|\\[^])*`/g, '``');
/** Comments can name files and dialects as they like. */
const withoutComments = (text: string): string => text.replaceAll(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
const sources: readonly Source[] = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((name) => {
    const text = readFileSync(path.join(ROOT, 'src', name), 'utf8');
    const imports = [...withoutTemplates(withoutComments(text)).matchAll(IMPORT)].map(
      ([, type, from, bare, called]) => ({ from: from ?? bare ?? called ?? '', typeOnly: type !== undefined }),
    );
    return { file: name.split(path.sep).join('/'), text, imports };
  });

/** The part of the house that a file belongs to. The composition root and the configuration are single files. */
const AREAS = ['core', 'dao', 'steps', 'backup', 'cli'] as const;
type Area = (typeof AREAS)[number] | 'configuration' | 'root';
// `target.ts` turns what a caller calls its database into a driver and a file or server: configuration, as `config.ts` is.
const CONFIGURATION = new Set([
  'config.ts',
  'target.ts',
  'sqlite-target.ts',
  'postgres-target.ts',
  'duration.ts',
  'version.ts',
]);
function areaOf(file: string): Area {
  const folder = AREAS.find((area) => file.startsWith(`${area}/`));
  // What lies beside the folders constructs them: index, di, wiring, tokens, and the stand-in for what is not configured.
  return folder ?? (CONFIGURATION.has(file) ? 'configuration' : 'root');
}

/** Who may import what: dao, steps and backup never import one another. */
const LOCAL: Readonly<Record<Area, readonly Area[]>> = {
  core: ['core'],
  dao: ['core', 'dao'],
  steps: ['core', 'steps'],
  backup: ['core', 'backup'],
  configuration: ['core', 'dao', 'steps', 'backup', 'configuration'],
  root: ['core', 'dao', 'steps', 'backup', 'configuration', 'root'],
  cli: ['core', 'configuration', 'root', 'cli'],
};
const EVERYWHERE = ['neverthrow'];
const LIBRARIES: Readonly<Record<Area, readonly (string | RegExp)[]>> = {
  core: ['node:crypto'],
  dao: [/^knex(\/|$)/, 'better-sqlite3', 'sqlite3', 'pg', 'libpg-query', 'pgpass', 'zod', /^node:/],
  steps: [/^node:(fs|fs\/promises|module|path|url|vm)$/, 'jiti'],
  backup: [/^node:(fs|fs\/promises|crypto|path|stream|stream\/promises)$/],
  configuration: ['zod', 'knex', /^node:/],
  root: ['inversify', 'knex', /^node:/],
  cli: ['commander', '@clack/prompts', /^node:/],
};

const violations: string[] = [];
const graph = new Map<string, readonly string[]>();
for (const { file, imports } of sources) {
  const area = areaOf(file);
  const local: string[] = [];
  for (const { from, typeOnly } of imports) {
    if (from.startsWith('.')) {
      const target = path.posix.join(path.posix.dirname(file), from).replace(/\.js$/, '.ts');
      local.push(target);
      if (!LOCAL[area].includes(areaOf(target)))
        violations.push(`${file} (${area}) imports ${target} (${areaOf(target)})`);
    } else {
      const allowed = [...EVERYWHERE, ...LIBRARIES[area]].some((library) =>
        typeof library === 'string' ? library === from : library.test(from),
      );
      if (!allowed && !isTypeOfHandle(file, from, typeOnly) && !isTypeOfToken(area, from, typeOnly))
        violations.push(`${file} (${area}) imports ${from}`);
    }
  }
  graph.set(file, local);
}

/**
 * A step's code gets a knex handle, so that the type of a step names knex. It is the only place of core that does, and
 * only as a type: nothing is loaded.
 */
function isTypeOfHandle(file: string, from: string, typeOnly: boolean): boolean {
  return file === 'core/steps/migration-step.ts' && from === 'knex' && typeOnly;
}

/** The type of a token is Inversify's: the command hands tokens to the composition root, and loads nothing for it. */
function isTypeOfToken(area: Area, from: string, typeOnly: boolean): boolean {
  return area === 'cli' && from === 'inversify' && typeOnly;
}

const STATIC = /^(?:import|export)\s+(?!type\s)(?:[^;`=']*?\sfrom\s+)?'([^']+)'/gm;

/** The libraries that importing `entry` loads, directly or through files of this project. */
function loaded(entry: string, seen = new Set<string>(), libraries = new Set<string>()): ReadonlySet<string> {
  seen.add(entry);
  const text = sources.find(({ file }) => file === entry)?.text ?? '';
  for (const [, from = ''] of withoutTemplates(withoutComments(text)).matchAll(STATIC)) {
    const target = path.posix.join(path.posix.dirname(entry), from).replace(/\.js$/, '.ts');
    if (!from.startsWith('.')) libraries.add(from);
    else if (!seen.has(target)) loaded(target, seen, libraries);
  }
  return libraries;
}

/** The files of one cycle, if there is one. */
function findCycle(): string | undefined {
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (file: string): string | undefined => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file].join(' -> ');
    if (done.has(file)) return undefined;
    trail.push(file);
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    trail.pop();
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file);
    if (cycle) return cycle;
  }
  return undefined;
}

describe('the house', () => {
  it('is read as it is', () => {
    expect(sources.length).to.be.greaterThan(80);
    const imported = sources.flatMap(({ imports }) => imports);
    expect(imported.length).to.be.greaterThan(400);
    for (const [file, targets] of graph)
      for (const target of targets) expect(graph.has(target), `${file} imports ${target}`).to.equal(true);
  });

  it('lets each part import only what it may, types included', () => {
    expect(violations).to.deep.equal([]);
  });

  it('has no cycle of imports, types included', () => {
    expect(findCycle()).to.equal(undefined);
  });

  it('keeps decorators out of the library', () => {
    expect(
      sources.filter(({ text }) => /^\s*@\w+\(/m.test(withoutComments(text))).map(({ file }) => file),
    ).to.deep.equal([]);
    expect(
      sources.filter(({ imports }) => imports.some(({ from }) => from === 'reflect-metadata')).map(({ file }) => file),
    ).to.deep.equal([]);
  });

  it('loads Inversify only in its own entries', () => {
    const loading = sources.filter(({ imports }) =>
      imports.some(({ from, typeOnly }) => from === 'inversify' && !typeOnly),
    );
    expect(loading.map(({ file }) => file)).to.have.members(['di.ts', 'dao-di.ts']);
  });

  it('loads the parser of PostgreSQL only when it is asked for', () => {
    const atOnce = /^(?:import|export)\s+(?!type\b)[^;`=]*from\s+'libpg-query'|^import\s+'libpg-query'/m;
    expect(sources.filter(({ text }) => atOnce.test(text)).map(({ file }) => file)).to.deep.equal([]);
    expect(sources.filter(({ text }) => text.includes(`await import('libpg-query')`))).to.have.length(1);
  });

  it('names a dialect or a driver only in its own folder, the configuration, the composition root and the command', () => {
    const literal = /(['"`])(?:sqlite|sqlite3|better-sqlite3|pg|postgres|postgresql)\1/;
    const naming = sources.filter(({ file, text }) => {
      const own = file.startsWith('dao/dialects/') || ['configuration', 'root', 'cli'].includes(areaOf(file));
      return !own && literal.test(withoutComments(text));
    });
    expect(naming.map(({ file }) => file)).to.deep.equal([]);
  });

  it(`has no file of more than ${MOST_LINES} lines`, () => {
    const long = sources
      .map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > MOST_LINES);
    expect(long.map(({ file, lines }) => `${file}: ${lines}`)).to.deep.equal([]);
  });

  it('begins each file with what it is responsible for', () => {
    expect(sources.filter(({ text }) => !/^(#!.*\n)?\/\/ \S/.test(text)).map(({ file }) => file)).to.deep.equal([]);
  });

  it('has no folder or file that is named for nothing', () => {
    expect(
      sources.filter(({ file }) => /(^|\/)(utils?|helpers?|common|misc)(\/|\.ts$)/.test(file)).map(({ file }) => file),
    ).to.deep.equal([]);
    expect(sources.filter(({ file }) => !/^[a-z0-9/-]+\.ts$/.test(file)).map(({ file }) => file)).to.deep.equal([]);
  });

  it('loads Inversify, knex and zod for the entries that need them only', () => {
    const heavy = ['inversify', 'knex', 'zod', 'commander'];
    const loadedBy = (entry: string): readonly string[] => [...loaded(entry)].filter((name) => heavy.includes(name));
    expect(loadedBy('index.ts')).to.deep.equal([]);
    expect(loadedBy('di.ts')).to.deep.equal(['inversify']);
    expect(loadedBy('dao.ts').toSorted()).to.deep.equal(['knex', 'zod']);
    expect(loadedBy('dao-di.ts').toSorted()).to.deep.equal(['inversify', 'knex', 'zod']);
  });

  it('has neither any nor a non-null assertion nor a silenced check', () => {
    const shortcut = /\bas any\b|: any\b|<any>|\b\w+!(?:\.|\[|;|\))/;
    const code = (text: string): string => withoutComments(text).replaceAll(/'[^'\n]*'|`[^`]*`/g, '');
    const silenced = /@ts-(ignore|expect-error|nocheck)/;
    expect(
      sources.filter(({ text }) => shortcut.test(code(text)) || silenced.test(text)).map(({ file }) => file),
    ).to.deep.equal([]);
  });
});

describe('the package', () => {
  it('says the same version as package.json', () => {
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
      readonly version: string;
    };
    expect(VERSION).to.equal(version);
  });
});

describe('the catalogue of errors', () => {
  it('gives each kind a code of its own', () => {
    const codes = Object.values(CATALOGUE).map(({ code }) => code);
    expect(new Set(codes).size).to.equal(codes.length);
    for (const code of codes) expect(code).to.match(/^MS-[A-Z]+(-[A-Z]+)*$/);
  });

  it('has documented exit codes only', () => {
    for (const { exit } of Object.values(CATALOGUE)) expect([1, 2, 3, 4, 5, 130]).to.include(exit);
  });

  it('names the command that mends a driver', () => {
    const unsupported = migrateError({ kind: 'driver-unsupported', driver: 'better-sqlite3 13.0.0', reason: 'old' });
    const facts = { kind: 'driver-missing', driver: 'sqlite3', alternative: 'better-sqlite3' } as const;
    for (const { hint } of [
      unsupported,
      migrateError({ ...facts, installed: true }),
      migrateError({ ...facts, installed: false }),
    ])
      expect(hint).to.match(/^Type: npm (?:install|rebuild) /);
  });
});
