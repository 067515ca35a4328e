// Loads step and config files in TypeScript or JavaScript, without a flag or a build, on every Node that is supported.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { labelOf } from './label.js';
import type { ModuleLoader } from './module-step.js';

/**
 * jiti gives the same module identities as the host and loads all forms of modules; it is itself loaded only now.
 * `migrate-safe` in a file means this package, wherever the file lies.
 */
export const loadModule: ModuleLoader = async (file) => {
  const { createJiti } = await import('jiti');
  const alias = { 'migrate-safe': fileURLToPath(new URL('../index.js', import.meta.url)) };
  try {
    return await createJiti(import.meta.url, { alias }).import(pathToFileURL(file).href);
  } catch (thrown) {
    throw readable(thrown);
  }
};

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
