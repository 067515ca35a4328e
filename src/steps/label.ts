// How messages name a file.
import path from 'node:path';

/** Relative to the working directory where it lies below it. */
export function labelOf(file: string): string {
  const relative = path.relative(process.cwd(), path.resolve(file));
  return relative.startsWith('..') ? file : relative || '.';
}
