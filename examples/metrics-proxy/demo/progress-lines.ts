// Draws what the engine reports while it works, one line per thing that is done.
import type { Effects, Progress } from 'migrate-safe';
import { heading, mark } from './terminal.js';

/** `14.3 MB`, `16 kB`. */
export const bytesText = (bytes: number): string =>
  bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.round(bytes / 1e3)} kB`;

/** `100,000`. */
export const countText = (count: number): string => count.toLocaleString('en-US');

function effectsText({ tables }: Effects): string {
  const parts = Object.entries(tables).map(([table, { inserted, updated, deleted }]) => {
    const numbers = [
      inserted > 0 ? `+${countText(inserted)}` : '',
      updated > 0 ? `${countText(updated)} changed` : '',
      deleted > 0 ? `−${countText(deleted)}` : '',
    ];
    return `${table} ${numbers.filter(Boolean).join(', ')}`;
  });
  return parts.length === 0 ? 'no rows' : parts.join('; ');
}

const FAILED_PHASE = {
  backup: 'backup',
  work: 'step',
  guard: 'guard',
  contract: 'contract',
  validate: 'check',
  record: 'record',
} as const;

/** Listener for `onProgress`. */
export function drawProgress(progress: Progress): void {
  switch (progress.kind) {
    case 'step-started':
      return heading(
        `${progress.version} ${progress.description}${progress.direction === 'revert' ? ', reverted' : ''}`,
      );
    case 'backup-taken':
      return mark('done', 'backup', `${bytesText(progress.bytes)} in ${progress.ms} ms, verified`);
    case 'worked':
      return mark(
        'done',
        progress.direction,
        `${progress.statements === undefined ? 'code' : `${progress.statements} statements`} in ${Math.round(progress.ms)} ms`,
      );
    case 'observed':
      return mark('done', 'effects', effectsText(progress.effects));
    case 'validated':
      return validated(progress);
    case 'recorded':
      return mark('done', 'recorded', `event ${progress.position}`);
    case 'step-failed':
      return mark(
        'refused',
        FAILED_PHASE[progress.phase],
        progress.phase === 'guard' ? 'refused, rolled back' : 'failed, rolled back',
      );
    case 'recovered':
      return mark(
        'note',
        'recovered',
        `a run of pid ${progress.pid} stopped in ${progress.version ?? 'no step'}: ${progress.finding.replaceAll('-', ' ')}`,
      );
    case 'warning':
      return mark('note', 'warning', progress.message);
    default:
      return undefined;
  }
}

function validated({ changes, schemaRestored }: Extract<Progress, { kind: 'validated' }>): void {
  const [first, ...more] = changes;
  mark(
    'done',
    'schema',
    first === undefined ? 'unchanged' : `${first}${more.length === 0 ? '' : `, and ${more.length} more`}`,
  );
  if (schemaRestored !== undefined)
    mark(
      schemaRestored ? 'done' : 'note',
      'restored',
      schemaRestored ? 'the schema is what it was before the step' : 'not the schema it was',
    );
}
