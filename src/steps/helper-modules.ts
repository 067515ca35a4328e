// The modules that steps import, of which the loader keeps one instance each per process: dropped once their files say something else.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const { cache } = createRequire(import.meta.url);

/** What each file said when a step brought it in; a module that the host had before is the host's. */
const texts = new Map<string, string | undefined>();
const PACKAGES = `${path.sep}node_modules${path.sep}`;

/** Together: what imports a changed module, through however many others, holds on to its old instance. */
export function forgetChangedHelpers(): void {
  if (![...texts].some(([file, text]) => textOf(file) !== text)) return;
  for (const file of texts.keys()) Reflect.deleteProperty(cache, file);
  texts.clear();
}

/** Runs `load` and notes which modules it brought in. */
export async function notingHelpers<T>(load: () => Promise<T>): Promise<T> {
  const before = new Set(Object.keys(cache));
  try {
    return await load();
  } finally {
    for (const file of Object.keys(cache)) {
      if (!before.has(file) && path.isAbsolute(file) && !file.includes(PACKAGES)) texts.set(file, textOf(file));
    }
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
