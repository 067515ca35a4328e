// What a step file's name says: version, description, kind and direction.
import { err, ok, type Result } from 'neverthrow';

export type StepFileKind = 'sql' | 'module';
export type StepFilePart = 'both' | 'up' | 'down';

export interface StepFileName {
  readonly version: string;
  readonly description: string;
  readonly kind: StepFileKind;
  readonly part: StepFilePart;
}

const NAME = /^(\d+)(?:[_.-]+(.*?))??(?:\.(up|down))?\.(sql|[cm]?[jt]s)$/i;
const SEPARATORS = /[_-]+/g;
const DECLARATION_FILE = /\.d\.[cm]?ts$/i;
const CANDIDATE = /\.(sql|[cm]?[jt]s)$/i;

/** Undefined for files that are none of ours (README.md, *.d.ts, *.map); an error for one that nearly is. */
export function parseStepFileName(file: string): Result<StepFileName | undefined, string> {
  if (file.startsWith('.') || file.startsWith('_') || !CANDIDATE.test(file) || DECLARATION_FILE.test(file))
    return ok(undefined);
  const [, version, description, part, extension] = NAME.exec(file) ?? [];
  if (version === undefined || extension === undefined) return err('a step file begins with its version, in digits');
  const kind = extension.toLowerCase() === 'sql' ? 'sql' : 'module';
  if (kind === 'module' && part !== undefined) return err('a step in code has both directions in one file');
  return ok({
    version,
    description: (description ?? '').replaceAll(SEPARATORS, ' ').trim() || version,
    kind,
    part: part === undefined ? 'both' : part.toLowerCase() === 'up' ? 'up' : 'down',
  });
}
