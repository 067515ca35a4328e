// Writes files that are not there yet; what is there is not touched, unless it is meant.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { err, ok, type Result } from 'neverthrow';
import { migrateError, reasonOf, type MigrateError } from '../core/errors/migrate-error.js';
import { relative } from './progress-lines.js';

export interface NewFile {
  /** Absolute. */
  readonly file: string;
  readonly text: string;
}

/** Paths of what was written, and of what was there already. */
export interface Written {
  readonly files: readonly string[];
  readonly kept: readonly string[];
}

export function writeNew(
  files: readonly NewFile[],
  existing: 'keep' | 'replace' = 'keep',
): Result<Written, MigrateError> {
  const written: string[] = [];
  const kept: string[] = [];
  for (const { file, text } of files) {
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text, { flag: existing === 'keep' ? 'wx' : 'w' });
      written.push(relative(file));
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') {
        return err(
          migrateError(
            {
              kind: 'usage',
              reason: `${relative(file)} could not be written: ${reasonOf(thrown)}`,
              suggestion: 'See the rights of its directory.',
            },
            { cause: thrown },
          ),
        );
      }
      kept.push(relative(file));
    }
  }
  return ok({ files: written, kept });
}
