// Cuts a single SQL file at `-- migrate-safe:up` and `-- migrate-safe:down`; lines keep their numbers.
import { err, ok, type Result } from 'neverthrow';

const MARKER = /^\s*--\s*migrate-safe:\s*(up|down)\s*$/i;
// dbmate, goose, sql-migrate. What stands below one of theirs would be run as part of the step.
const FOREIGN_MARKER = /^\s*--\s*(?:migrate:|\+goose\s+|\+migrate\s+)(?:up|down)\b/i;

export interface MarkedParts {
  readonly up: string;
  readonly down: string | undefined;
}

/** A file without markers is all up. What a part does not own is blank in it, so that line numbers stay true. */
export function splitAtMarkers(
  text: string,
): Result<MarkedParts, { readonly line: number; readonly text: string; readonly reason: string }> {
  const lines = text.split('\n');
  const seen = new Set<string>();
  let part: 'up' | 'down' | 'head' = 'head';
  const up: string[] = [];
  const down: string[] = [];
  for (const [index, line] of lines.entries()) {
    const marker = MARKER.exec(line)?.[1]?.toLowerCase();
    if (FOREIGN_MARKER.test(line)) {
      return err({
        line: index + 1,
        text: line.trim(),
        reason: 'this marker is another tool’s: write -- migrate-safe:up and -- migrate-safe:down',
      });
    }
    if (marker === 'up' || marker === 'down') {
      if (seen.has(marker)) return err({ line: index + 1, text: line.trim(), reason: 'this part was begun before' });
      seen.add(marker);
      part = marker;
    }
    const own = marker === undefined ? line : '';
    // What stands above the first marker (directives, as a rule) belongs to the step: to its up part.
    up.push(part === 'down' ? '' : own);
    down.push(part === 'down' ? own : '');
  }
  return ok({ up: up.join('\n'), down: seen.has('down') ? down.join('\n') : undefined });
}
