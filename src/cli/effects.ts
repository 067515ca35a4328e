// What a step did, in a few words: rows per table, and changes of the schema.
import type { Effects } from '../core/events/effects.js';
import { number } from './format.js';

const MOST_TABLES = 4;
const MOST_CHANGES = 3;

/** `customers −10, orders +3 −50, notes 5 changed`; undefined where no row was touched. */
export function effectsText({ tables }: Effects): string | undefined {
  const parts = Object.entries(tables).flatMap(([table, { inserted, updated, deleted }]) => {
    const figures = [
      inserted > 0 ? `+${number(inserted)}` : '',
      deleted > 0 ? `−${number(deleted)}` : '',
      updated > 0 ? `${number(updated)} changed` : '',
    ].filter(Boolean);
    return figures.length === 0 ? [] : [`${table} ${figures.join(' ')}`];
  });
  if (parts.length === 0) return undefined;
  return parts.length <= MOST_TABLES
    ? parts.join(', ')
    : `${parts.slice(0, MOST_TABLES).join(', ')} and ${parts.length - MOST_TABLES} more tables`;
}

/** Whether rows went away: then it is worth saying that this was declared. */
export const hasLosses = ({ tables }: Effects): boolean => Object.values(tables).some(({ deleted }) => deleted > 0);

/** The changes themselves where they are few, their number where they are many. */
export function changesText(changes: readonly string[]): string {
  if (changes.length === 0) return 'unchanged';
  if (changes.length <= MOST_CHANGES) return changes.join(', ');
  return `${changes.slice(0, MOST_CHANGES - 1).join(', ')} and ${changes.length - MOST_CHANGES + 1} more changes`;
}
