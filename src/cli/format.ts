// Figures, times and prose as people read them: with units, local, wrapped.
import { stripVTControlCharacters } from 'node:util';

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** `12.4 MB`; powers of 1000. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value < 100 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit] ?? ''}`;
}

/** `31 ms`, `1.2 s`, `2 min 5 s`, `1 h 4 min`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${ms < 1 ? (ms > 0 ? '< 1' : 0) : Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms % 1000 === 0 ? 0 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** `1 step`, `1,204 rows`. */
export const count = (many: number, one: string, more = `${one}s`): string =>
  `${number(many)} ${many === 1 ? one : more}`;
export const number = (value: number): string => value.toLocaleString('en-US');

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

/** `20 Nov 09:30` in local time; with the year where it is another one, and with seconds if asked for. */
export function localTime(iso: string, seconds = false, now = new Date()): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const year = at.getFullYear() === now.getFullYear() ? '' : ` ${at.getFullYear()}`;
  return `${at.getDate()} ${MONTHS[at.getMonth()] ?? ''}${year} ${clock(at, seconds)}`;
}

/** `09:31:07` if it is today, with the date otherwise. */
export function timeOfDay(iso: string, now = new Date()): string {
  const at = new Date(iso);
  return at.toDateString() === now.toDateString() ? clock(at, true) : localTime(iso, true, now);
}
const clock = (at: Date, seconds: boolean): string =>
  `${two(at.getHours())}:${two(at.getMinutes())}${seconds ? `:${two(at.getSeconds())}` : ''}`;

/** `2 minutes ago`. */
export function ago(iso: string, now = new Date()): string {
  const seconds = Math.max(0, Math.round((now.getTime() - new Date(iso).getTime()) / 1000));
  if (seconds < 60) return seconds < 5 ? 'just now' : `${seconds} seconds ago`;
  if (seconds < 3600) return `${count(Math.floor(seconds / 60), 'minute')} ago`;
  if (seconds < 86_400) return `${count(Math.floor(seconds / 3600), 'hour')} ago`;
  return `${count(Math.floor(seconds / 86_400), 'day')} ago`;
}

/** A command to be copied stays in one piece: where the line would be too wide, it has the next one for itself. */
export const commandLines = (text: string, command: string, width: number): string[] =>
  widthOf(text) + 1 + widthOf(command) <= width ? [`${text} ${command}`] : [...wrap(text, width), `    ${command}`];

/** Columns that a text takes, without its colours. */
export const widthOf = (text: string): number => [...stripVTControlCharacters(text)].length;

/** Cut to `width` columns, with an ellipsis; for text without colours. */
export function truncate(text: string, width: number): string {
  const letters = [...text];
  return letters.length <= width ? text : `${letters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** One line, whatever it was. */
export const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** Blanks outside of `…`: a command stays on one line, to be copied. */
const WORD_GAP = / +(?=(?:[^`]*`[^`]*`)*[^`]*$)/;

/** A command among words, up to its last flag or ID: half of it, copied from a broken line, would be another one. */
const COMMAND =
  /migrate-safe(?: --[a-z-]+ [^\s(]\S*)*(?: (?:up|down|status|current|plan|check|stamp|history|audit|restore|doctor|new|init|backup [a-z]+|generate [a-z]+)\b)(?: (?:--[a-z-]+(?: [^\s(-]\S*)?|\d{8}T\S+|ID\b))*/g;
const GLUE = '\u00A0';

/** Broken at blanks so that no line is wider than `width`, but for a command that is; lines that begin with a blank are kept as they are. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => {
    if (line.startsWith(' ') || widthOf(line) <= width) return [line];
    const lines: string[] = [];
    let current = '';
    for (const glued of line.replaceAll(COMMAND, (command) => command.replaceAll(' ', GLUE)).split(WORD_GAP)) {
      const word = glued.replaceAll(GLUE, ' ');
      if (current !== '' && widthOf(current) + 1 + widthOf(word) > width) {
        lines.push(current);
        current = word;
      } else current = current === '' ? word : `${current} ${word}`;
    }
    return [...lines, current];
  });
}
