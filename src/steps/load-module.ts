// Loads step and config files in TypeScript or JavaScript, without a flag or a build, on every Node that is supported.
import { Module } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compileFunction, constants } from 'node:vm';
import type { Jiti } from 'jiti';
import { forgetChangedHelpers, notingHelpers } from './helper-modules.js';
import { labelOf } from './label.js';
import type { ModuleLoader } from './module-step.js';

const SELF = new URL('../index.js', import.meta.url);
const DAO = new URL('../dao.js', import.meta.url);
/** This package, wherever the file lies that imports it; the longer names first. */
const ALIAS = {
  'migrate-safe/dao': fileURLToPath(DAO),
  'migrate-safe/di': fileURLToPath(new URL('../di.js', import.meta.url)),
  'migrate-safe': fileURLToPath(SELF),
};

/** Loads a config file, once per process. The loader's own cache lies where others may be able to write. */
export async function loadModule(file: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  try {
    return await createJiti(import.meta.url, { fsCache: false, alias: ALIAS }).import(pathToFileURL(file).href);
  } catch (thrown) {
    throw readable(thrown);
  }
}

/** Loads a module of declarations; what it takes of this package is loaded by Node itself, which is many times as fast. */
export async function loadDeclarations(file: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  const virtualModules = { 'migrate-safe': await import(SELF.href), 'migrate-safe/dao': await import(DAO.href) };
  try {
    const jiti = createJiti(import.meta.url, { fsCache: false, alias: ALIAS, virtualModules });
    return await jiti.import(pathToFileURL(file).href);
  } catch (thrown) {
    throw readable(thrown);
  }
}

/**
 * Evaluates the text that was hashed, whatever the file says by now and whatever this process loaded from it before:
 * no cache, Node's or the loader's own on disk, stands between the checksum and what runs.
 */
export const loadStepModule: ModuleLoader = async (file, text) => {
  const { createJiti } = await import('jiti');
  // `migrate-safe` in a step means this package and this instance of it, wherever the file lies.
  const self: unknown = await import(SELF.href);
  // Knex and zod come with it.
  const dao: object = text.includes('migrate-safe/dao') ? { 'migrate-safe/dao': await import(DAO.href) } : {};
  const jiti = createJiti(file, { fsCache: false, alias: ALIAS, virtualModules: { 'migrate-safe': self, ...dao } });
  forgetChangedHelpers();
  try {
    return await notingHelpers(() => Promise.resolve(evaluate(jiti, file, text)));
  } catch (thrown) {
    throw readable(thrown);
  }
};

function evaluate(jiti: Jiti, file: string, text: string): unknown {
  const script = asCommonJs(file, text);
  if (script === undefined)
    return jiti.evalModule(text, {
      filename: file,
      id: file,
      ext: path.extname(file),
      async: true,
      forceTranspile: true,
    });
  const module = Object.assign(new Module(file), { filename: file, loaded: true });
  script.call(module.exports, module.exports, jiti, module, file, path.dirname(file));
  // It is what the module made of it.
  return module.exports as unknown;
}

type CommonJs = (this: unknown, exports: unknown, require: Jiti, module: unknown, file: string, folder: string) => void;

/** JavaScript that compiles as the body of a function is CommonJS: an ES module has an `import` or `export` in it. */
function asCommonJs(file: string, text: string): CommonJs | undefined {
  if (!/\.c?js$/i.test(file)) return undefined;
  try {
    const names = ['exports', 'require', 'module', '__filename', '__dirname'];
    // Node warns of it as experimental: only a text that seems to need it gets it.
    const dynamic = /\bimport\s*\(/.test(text)
      ? { importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }
      : {};
    // It takes what `names` says.
    return compileFunction(text, names, { filename: file, ...dynamic }) as CommonJs;
  } catch {
    // The loader says what is wrong, with its place, if it is neither.
    return undefined;
  }
}

/** The parser puts an absolute path, and a column that is counted from 0, on a line of their own. */
const PARSE_ERROR = /^ParseError: (.*?)\s*\n\s*(.+):(\d+):(\d+)\s*$/s;
const NOT_FOUND = /^(Cannot find module .*?)\s*\nRequire stack:\n- (.+?)(?:\n|$)/s;

/** What the loader throws, in one line and with a path as messages show it; what the module itself threw stays as it is. */
function readable(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const [, what = '', where = '', line = '', column = ''] = PARSE_ERROR.exec(thrown.message) ?? [];
  if (where !== '')
    return new SyntaxError(`${what} (${labelOf(where)}:${line}:${Number(column) + 1})`, { cause: thrown });
  const [, missing = '', from = ''] = NOT_FOUND.exec(thrown.message) ?? [];
  return from === '' ? thrown : new Error(`${missing}, which ${labelOf(from)} imports`, { cause: thrown });
}
