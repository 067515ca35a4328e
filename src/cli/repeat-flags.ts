// Commands that are printed to be typed again: they name the database that this call named, not the one of the config file.
import { shellWord } from '../core/errors/shell-word.js';
import { withoutPassword } from './secrets.js';
import type { Flags } from './settings.js';

const NAMING = [
  ['config', '--config'],
  ['envFile', '--env-file'],
  ['database', '--database'],
  ['steps', '--steps'],
  ['backups', '--backups'],
  ['component', '--component'],
] as const satisfies readonly (readonly [keyof Flags, string])[];
const VERB = /migrate-safe (?=(?:up|down|status|current|plan|stamp|history|audit|backup|restore|doctor|new)\b)/g;

/** Puts the flags that say what is meant behind each `migrate-safe` that a verb follows. */
export function repeatFlags(text: string, flags: Flags): string {
  const typed = NAMING.flatMap(([key, flag]) => {
    const value = flags[key];
    const shown = value === undefined || key !== 'database' ? value : withoutPassword(value);
    return shown === undefined ? [] : [`${flag} ${shellWord(shown)}`];
  });
  return typed.length === 0 ? text : text.replaceAll(VERB, `migrate-safe ${typed.join(' ')} `);
}
