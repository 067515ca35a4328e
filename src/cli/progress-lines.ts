// Progress as lines: pure, from what the engine tells to what people read.
import path from 'node:path';
import type { LockOwner } from '../core/ports/run-lock.js';
import type { LargeDatabase, Progress } from '../core/manager/progress.js';
import { describeFinding } from '../core/schema/guard.js';
import { changesText, effectsText, hasLosses } from './effects.js';
import { bytes, count, duration, timeOfDay, truncate, widthOf, wrap } from './format.js';
import type { Paint } from './style.js';

const LABEL = 10;
const INDENT = '    ';
/** Where the text of a phase begins. */
export const TEXT_AT = INDENT.length + 2 + LABEL + 1;

export type Mark = 'done' | 'failed' | 'warning';

/** `    ✔ backup     12.4 MB in 31 ms, verified`, wrapped under its own beginning. */
export function phaseLines(
  mark: Mark,
  label: string,
  text: string,
  { paint, width }: { readonly paint: Paint; readonly width: number },
): string[] {
  const sign = mark === 'done' ? paint.green('✔') : mark === 'failed' ? paint.red('✖') : paint.yellow('!');
  const [first = '', ...rest] = wrap(text, width - TEXT_AT);
  return [`${INDENT}${sign} ${label.padEnd(LABEL)} ${first}`, ...rest.map((line) => ' '.repeat(TEXT_AT) + line)];
}

type Of<K extends Progress['kind']> = Extract<Progress, { readonly kind: K }>;

export function backupText(
  { bytes: size, ms, directory, tables, restorePoint, clone }: Of<'backup-taken'>,
  room: number,
  paint: Paint,
): string {
  if (restorePoint !== undefined) return `restore point at ${restorePoint.lsn}, in the server's log`;
  if (tables !== undefined) return `${count(tables, 'table')}, ${bytes(size)} in ${duration(ms)}, in the database`;
  if (clone !== undefined) return `${bytes(size)} in ${duration(ms)}, as ${clone} on the server`;
  const text = `${bytes(size)} in ${duration(ms)}, verified`;
  const where = relative(directory);
  return widthOf(text) + 5 + widthOf(where) <= room ? `${text}     ${paint.dim(where)}` : text;
}

export function workedText({ statements, ms }: Of<'worked'>): string {
  if (statements === 0) return 'was done already';
  return statements === undefined ? `done in ${duration(ms)}` : `${count(statements, 'statement')} in ${duration(ms)}`;
}

/** `guarded`: the guard saw what was lost and let it pass. */
export function observedText({ effects }: Of<'observed'>, guarded: boolean): string {
  const text = effectsText(effects);
  if (text === undefined) return 'no rows touched';
  return guarded && hasLosses(effects) ? `${text}, as declared` : text;
}

export function validatedText(
  { changes, reinstated, schemaRestored, unproven, contractHolds }: Of<'validated'>,
  version: string,
  keysChecked: boolean,
): string {
  const again = reinstated.length === 0 ? '' : `; made again: ${reinstated.join(', ')}`;
  const keys = keysChecked ? '; foreign keys hold' : '';
  const contract = contractHolds === true ? '; the program fits' : '';
  const what =
    schemaRestored === undefined
      ? changesText(changes)
      : schemaRestored
        ? `again what it was before ${version}`
        : unrestoredText(version, unproven, changesText(changes));
  return `${what}${again}${keys}${contract}`;
}

function unrestoredText(version: string, unproven: Of<'validated'>['unproven'], changes: string): string {
  switch (unproven) {
    case undefined:
      return `not what it was before ${version}: its revert does not undo all that its apply did (${changes})`;
    case 'stamped':
      return `${changes}; whether that is what it was before ${version} is not known: the step was stamped, not applied`;
    case 'changed-since':
      return `${changes}; not what it was before ${version}, but it had changed since ${version} was applied`;
  }
}

/** The findings say what would be lost; where the guard only warns, it is lost. */
export const guardText = ({ finding }: Of<'guard-warning'>): string =>
  `${describeFinding(finding)} (the guard only warns)`;

/** `pid 4121 on web-3, since 09:31:07, applying 0003 purge`. */
const ownerText = (owner: LockOwner | undefined): string =>
  owner === undefined
    ? 'it has not said who it is'
    : `pid ${owner.pid} on ${owner.host}, since ${timeOfDay(owner.since)}, ${doingText(owner.doing)}`;

const DOING: Readonly<Record<string, string>> = {
  up: 'beginning',
  down: 'beginning to revert',
  stamp: 'stamping',
  backup: 'taking a backup',
  restore: 'restoring',
};
const doingText = (doing: string): string => DOING[doing] ?? doing;

/** `waiting for another run: … 12 s`; the seconds are what moves, so they are never cut. */
export function waitingText({ owner, waitedMs }: Of<'waiting'>, width: number, sinceMs = 0): string {
  const before = 'waiting for another run: ';
  const seconds = Math.floor((waitedMs + sinceMs) / 1000);
  const after = seconds === 0 ? ' …' : ` … ${duration(seconds * 1000)}`;
  return before + truncate(ownerText(owner), Math.max(12, width - before.length - after.length)) + after;
}

/** What an interrupted run left, and what becomes of it. */
export function recoveredLines({ startedAt, pid, host, version, finding }: Of<'recovered'>): string[] {
  const during = version === null ? '' : ` at ${version}`;
  const found: Readonly<Record<string, string>> = {
    'nothing-of-it-committed': `Its transaction did not commit: nothing of it is in the database.${version === null ? '' : ` Going on with ${version}.`}`,
    'step-was-done': `The step says that it was done: it counts as applied.`,
    'can-be-repeated': `It may have been interrupted half-way: what it does can be done again.${version === null ? '' : ` Going on with ${version}.`}`,
    'restore-undone': 'A restore was under way and was not switched in: the database is what it was before it.',
    'between-steps': 'No step was under way: nothing is half-done.',
  };
  return [
    `A run that began ${timeOfDay(startedAt)} (pid ${pid} on ${host}) stopped${during}.`,
    found[finding] ?? finding,
  ];
}

const BAR = 20;

/** `backup   ████████░░░░   62 %, 7.7 of 12.4 MB, 210 MB/s, 1 s left`. */
export function barText(label: string, done: number, total: number, elapsedMs: number, width: number): string {
  const part = total === 0 ? 0 : Math.min(1, done / total);
  const rate = elapsedMs < 200 ? 0 : (done / elapsedMs) * 1000;
  const left = rate === 0 ? '' : `, ${bytes(rate)}/s, ${duration(((total - done) / rate) * 1000)} left`;
  const full = Math.round(part * BAR);
  const bar = width >= 70 ? `${'█'.repeat(full)}${'░'.repeat(BAR - full)}  ` : '';
  return `${label.padEnd(LABEL)} ${bar}${Math.round(part * 100)} %, ${bytes(done)} of ${bytes(total)}${left}`;
}

/** Relative to the working directory where it lies below it. */
export function relative(file: string): string {
  const from = path.relative(process.cwd(), file);
  return from.startsWith('..') || path.isAbsolute(from) ? file : from || '.';
}

/** What the copies of a large database will take. */
export function largeLines(
  { database, bytes: size, copies, copyBytes, copyMs, directory, freeBytes }: LargeDatabase,
  paint: Paint,
): string[] {
  const each = copies === 1 ? 'its dump takes' : `its ${copies} dumps, one before each step, take`;
  return [
    `${paint.yellow('!')} ${paint.bold(database)} has ${bytes(size)}: ${each} about ${duration(copyMs)}`,
    `  and up to ${bytes(copyBytes)} in ${directory}, where ${bytes(freeBytes)} are free`,
  ];
}
