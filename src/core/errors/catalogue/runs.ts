// The words for everything around the steps.
import type { RunFacts } from '../facts.js';
import { shellWord } from '../shell-word.js';
import type { Words } from './entry.js';
import { megabytes } from './words.js';

/** What to do about a database that cannot be used, by the driver's reason. */
const UNUSABLE: Readonly<Record<string, string>> = {
  'not-a-database':
    'It is not a SQLite file (or it is encrypted). Name the right one with --database, or put a backup back: migrate-safe restore --latest',
  corrupt: 'Put a backup back: migrate-safe restore --latest   (the damaged file is kept aside)',
  'read-only':
    'It is read-only for this user: see the rights of the file and its directory, or name the primary, not a replica.',
  'cannot-open': 'See the rights of the file and its directory.',
  unreachable:
    'See that the server runs, and that host and port are right; `migrate-safe doctor` looks. Nothing was changed.',
  'access-denied':
    'Give the right user and password: in the URL, in PGUSER and PGPASSWORD, or in ~/.pgpass. Nothing was changed.',
  'not-permitted':
    'The role may not do this: grant it the right, or connect as the owner of the database; `migrate-safe doctor` says what is missing.',
  'connection-lost':
    'The connection to the server was lost; what was under way was rolled back by the server. Run it again.',
  busy: 'Another connection holds it; end the long transaction, or run it again.',
  'disk-full': 'The disk is full. Free some space and run it again; what was under way was rolled back.',
};

export const RUNS: Words<RunFacts> = {
  locked: {
    code: 'MS-LOCKED',
    exit: 4,
    retryable: true,
    message: (f) =>
      f.owner === undefined
        ? `another run holds the lock; waited ${Math.round(f.waitedMs / 1000)} s`
        : `another run holds the lock: pid ${f.owner.pid} on ${f.owner.host}, since ${f.owner.since}, ${f.owner.doing}; waited ${Math.round(f.waitedMs / 1000)} s`,
    hint: () =>
      'Wait for it, or wait longer with --lock-wait 30m. The lock ends with its process; there is nothing to remove.',
  },
  'lock-failed': {
    code: 'MS-LOCK-FAILED',
    exit: 1,
    message: (f) => `the lock at ${f.path} could not be taken: ${f.reason}`,
    hint: () =>
      'The database must be there, and may be written by the one who migrates it; `migrate-safe doctor` looks. Nothing was changed.',
  },
  cancelled: {
    code: 'MS-CANCELLED',
    exit: 130,
    retryable: true,
    state: 'rolled-back',
    message: () => 'cancelled',
    hint: () => 'What was under way was rolled back; the same command goes on from there.',
  },
  'database-busy': {
    code: 'MS-DB-BUSY',
    exit: 4,
    retryable: true,
    message: (f) =>
      `${f.database} is locked by another connection, which did not let go while ${f.doing}${f.held === undefined ? '' : `: ${f.held}`}`,
    hint: (f) =>
      f.fix === undefined
        ? 'Nothing was changed. End the long transaction of the application, or wait longer with --lock-wait 30m.'
        : `Nothing was changed. Wait until it has ended, or see to it: ${f.fix}   Then run the same command again.`,
  },
  'database-unusable': {
    code: 'MS-DB-UNUSABLE',
    exit: 1,
    message: (f) => `${f.database} cannot be used: ${f.detail}`,
    hint: (f) => f.fix ?? UNUSABLE[f.reason] ?? 'Run `migrate-safe doctor`.',
  },
  'database-failed': {
    code: 'MS-DB-FAILED',
    exit: 1,
    retryable: true,
    message: (f) => `${f.doing}: ${f.detail}`,
    hint: (f) =>
      f.fix ??
      UNUSABLE[f.reason] ??
      'Nothing half-done was left. Run it again; if it stays, run `migrate-safe doctor`.',
  },
  'disk-space': {
    code: 'MS-DISK-SPACE',
    exit: 1,
    retryable: true,
    message: (f) =>
      `${f.directory} has ${megabytes(f.freeBytes)} free; the backups of this run need about ${megabytes(f.neededBytes)}`,
    hint: () => 'Nothing was changed. Free some space, or keep backups elsewhere with --backups.',
  },
  'backup-failed': {
    code: 'MS-BACKUP-FAILED',
    exit: 1,
    retryable: true,
    message: (f) => `no backup could be made in ${f.directory}: ${f.reason}`,
    hint: (f) =>
      /disk is full/.test(f.reason)
        ? 'The step was not begun. Free some space, or keep backups elsewhere with --backups.'
        : 'The step was not begun. See that the directory can be written, or name another with --backups.',
  },
  'mirror-failed': {
    code: 'MS-MIRROR-FAILED',
    exit: 1,
    retryable: true,
    message: (f) => `the copy of the journal in the backups could not be read or written: ${f.file}: ${f.reason}`,
    hint: () =>
      'What was committed before is in the database with its own journal, and nothing was begun after. See that the directory can be written and read, and has room, or name another one with --backups; the next run brings the copy up to date.',
  },
  'backup-not-found': {
    code: 'MS-BACKUP-UNKNOWN',
    exit: 2,
    message: (f) =>
      f.unread === undefined
        ? `there is no backup ${f.wanted} in ${f.directory}`
        : `no backup ${f.wanted} in ${f.directory} can be read: ${f.unread}`,
    hint: ({ instead, copies, unread }) =>
      [
        ...(unread === undefined ? [] : ['They are there: see that this user may read the folder and all in it.']),
        ...(instead === undefined
          ? []
          : [
              `There is one from before the run that applied it, which stands before ${instead.step}: migrate-safe restore ${instead.id}.`,
            ]),
        ...(copies === undefined
          ? []
          : [
              `The tables that the step could touch were copied before it: migrate-safe restore --before-step ${copies.version} --tables ${shellWord(copies.tables.join(','))}.`,
            ]),
        'See what there is: migrate-safe backup list   (backups that lie elsewhere are named with --backups)',
      ].join(' '),
  },
  'tools-missing': {
    code: 'MS-TOOLS-MISSING',
    exit: 2,
    message: (f) => f.detail,
    hint: (f) => `Nothing was changed. Install them: ${f.fix}   (where they lie elsewhere, PG_BIN names their folder)`,
  },
  'backups-unsupported': {
    code: 'MS-BACKUP-UNSUPPORTED',
    exit: 2,
    message: (f) => f.reason,
    hint: () => 'Use a database in a file.',
  },
  'restore-failed': {
    code: 'MS-RESTORE-FAILED',
    exit: 1,
    message: (f) => `the restore did not happen: ${f.reason}`,
    hint: (f) => `The database is what it was. ${f.fix ?? 'Correct the cause and run the same command again.'}`,
  },
  'restore-declined': {
    code: 'MS-RESTORE-DECLINED',
    exit: 130,
    message: () => 'not restored',
    hint: () => 'Nothing was changed. In a script, --yes answers the question.',
  },
  'backup-declined': {
    code: 'MS-BACKUP-DECLINED',
    exit: 130,
    message: (f) => `not begun: ${f.database} was not to be dumped now`,
    hint: () =>
      'Nothing was changed. --yes answers the question; --file-backup never leaves the dump out, and --file-backup-by restore-point needs none.',
  },
  'clone-refused': {
    code: 'MS-CLONE-REFUSED',
    exit: 1,
    message: (f) => `${f.database} cannot be cloned now: ${f.reason}`,
    hint: (f) =>
      `Nothing was changed. ${f.fix} Or have it dumped, with everybody connected: fileBackupBy: 'dump' (--file-backup-by dump).`,
  },
  'stale-journal': {
    code: 'MS-STALE-JOURNAL',
    exit: 1,
    retryable: true,
    message: (f) => `somebody else wrote to the journal: expected it to end at ${f.expected}, it ends at ${f.actual}`,
    hint: () => 'Nothing was written. Run it again.',
  },
};
