// What a backup is, in words: why it was taken, and what going back to it would lose.
import type { RestorePreview } from '../core/manager/restore-context.js';
import type { CopyFacts } from '../core/ports/backup-source.js';
import type { BackupManifest, BackupReason } from '../core/ports/backup-store.js';
import { count, localTime, number, timeOfDay, wrap } from './format.js';
import type { Sink } from './terminal.js';

/** `before 0003`, `by hand`. */
export function reasonText({ kind, version, direction }: BackupReason): string {
  switch (kind) {
    case 'before-step':
      return `before ${direction === 'revert' ? 'reverting ' : ''}${version ?? 'a step'}`;
    case 'before-run':
      return 'before a run';
    case 'before-restore':
      return 'before a restore';
    case 'manual':
      return 'by hand';
  }
}

/** What it is made of: a file, an archive of a server's database, copies of tables within it, a clone, or a name in its log. */
export function formText({ kind, copy, restorePoint }: BackupManifest): string {
  const tables = count(copy.tables.length, 'table');
  if (restorePoint) return 'restore point';
  if (kind === 'tables') return count(copy.tables.length, 'copy', 'copies');
  if ('clone' in copy) return 'clone';
  return 'archive' in copy ? 'archive' : tables;
}

/** What a server that is to restore it must have, or has; nothing for a copy that stands alone. */
export function archiveRows(copy: CopyFacts): string[][] {
  if ('clone' in copy)
    return [
      ['server', copy.clone.serverVersion],
      ['clone', copy.clone.database],
    ];
  if (!('archive' in copy)) return [];
  const { serverVersion, dumpVersion, format, encoding, roles, extensions } = copy.archive;
  return [
    ['server', `${serverVersion}, ${encoding}`],
    ['archive', `format ${format}, by pg_dump ${dumpVersion}`],
    ['roles', roles.join(', ') || 'none'],
    ['extensions', extensions.join(', ') || 'none'],
  ];
}

/** What somebody must know before saying yes. */
export function previewLines(
  { database, backup, original, tables, atStake, keeps, swap }: RestorePreview,
  { paint, width }: Pick<Sink, 'paint' | 'width'>,
): string[] {
  const below = (text: string): string[] => wrap(text, width - 2).map((line) => `  ${line}`);
  const warning = (text: string): string[] => below(text).map(paint.yellow);
  const { createdAt, reason, id } = backup.manifest;
  const what =
    tables === 'all'
      ? paint.bold(database)
      : `${count(tables.length, 'table')} of ${paint.bold(database)} (${tables.join(', ')})`;
  const when =
    new Date(createdAt).toDateString() === new Date().toDateString()
      ? timeOfDay(createdAt)
      : localTime(createdAt, true);
  const head = wrap(`${what} will be put back to ${when}, ${reasonText(reason)} (${id}).`, width);
  const copied =
    original === undefined
      ? []
      : warning(
          `The backup is of ${original}. This database goes on with its history: if that one lives on, restore with another folder of backups (copy the folder and name it with --backups), or it will refuse its next run.`,
        );
  if (keeps === 'nothing') {
    return [
      ...wrap(
        `${paint.bold(database)} is not there; it will be made from the backup of ${when}, ${reasonText(reason)} (${id}).`,
        width,
      ),
      '  What was written after that is not in it. The journal is not rewound.',
      ...copied,
    ];
  }
  const kept =
    swap !== undefined
      ? swapLines(swap).flatMap(({ text, warns }) => (warns ? warning(text) : below(text)))
      : keeps === 'file-aside'
        ? ['  What is there now is moved aside, not deleted. The journal is not rewound.']
        : ['  A copy of the present state is kept first. The journal is not rewound.'];
  if (atStake === undefined) {
    return [
      ...head,
      ...below('The database cannot be read: what was written since cannot be counted.'),
      ...kept,
      ...copied,
    ];
  }
  const lost = atStake.filter(({ written }) => written > 0);
  const back = atStake.filter(({ deleted }) => deleted > 0);
  return [
    ...head,
    ...(keeps === 'file-aside'
      ? below('The file or its journal is damaged: what was written since is counted as far as it can be read.')
      : []),
    ...(lost.length === 0
      ? below(
          keeps === 'file-aside'
            ? 'No row was found that the backup does not have.'
            : 'Nothing was written since: no row is lost.',
        )
      : warning(
          `It would lose ${few(lost.map(({ table, written }, at) => `${at === 0 ? `${count(written, 'row')} written since to` : `${number(written)} to`} ${table}`))}.`,
        )),
    ...(back.length === 0
      ? []
      : below(
          `It would bring back ${few(back.map(({ table, deleted }, at) => `${at === 0 ? count(deleted, 'row') : number(deleted)} of ${table}`))}.`,
        )),
    ...kept,
    ...copied,
  ];
}

interface PreviewLine {
  readonly text: string;
  readonly warns: boolean;
}

/** Who is ended has to be known before. */
const swapLines = ({ keptAs, sessions }: NonNullable<RestorePreview['swap']>): PreviewLine[] => [
  {
    text: 'It is put into a new database, which takes the name at the end. The journal is not rewound.',
    warns: false,
  },
  { text: `The present one stays, with all that is written until then, as ${keptAs}.`, warns: false },
  sessions.length === 0
    ? { text: 'Nobody else is connected now; who is then is cut off.', warns: false }
    : { text: `Sessions that are cut off then: ${sessions.map(who).join(', ')}.`, warns: true },
];

const who = ({ user, application, count: times }: NonNullable<RestorePreview['swap']>['sessions'][number]): string =>
  `${number(times)} of ${user === '' ? 'the server' : user}${application === '' ? '' : ` (${application})`}`;

/** The first of them: a line that goes on for a screen is not read. */
const FEW = 6;
const few = (all: readonly string[]): string =>
  all.length <= FEW ? all.join(', ') : `${all.slice(0, FEW).join(', ')} and of ${all.length - FEW} more tables`;
