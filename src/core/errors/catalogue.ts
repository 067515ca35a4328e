// The catalogue of errors: kind -> stable code, exit code, whether a retry can help, what happened, what to type next.
import type { GuardFinding } from '../schema/guard.js';
import { describeFinding } from '../schema/guard.js';
import type { ErrorFacts, ErrorKind } from './facts.js';
import type { DatabaseState } from './migrate-error.js';

export interface Entry<F> {
  readonly code: string;
  readonly exit: 1 | 2 | 3 | 4 | 5 | 130;
  readonly retryable?: boolean;
  readonly state?: DatabaseState;
  message(facts: F): string;
  hint(facts: F): string;
}
type Of<K extends ErrorKind> = Extract<ErrorFacts, { readonly kind: K }>;

const list = (items: readonly string[], most = 5): string =>
  items.length > most ? `${items.slice(0, most).join(', ')} … (${items.length})` : items.join(', ');
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const findings = (all: readonly GuardFinding[]): string => all.map(describeFinding).join('; ');

/** One entry per kind of error; the reference page is made from it. */
export const CATALOGUE: { readonly [K in ErrorKind]: Entry<Of<K>> } = {
  'config-invalid': {
    code: 'MS-CONFIG',
    exit: 2,
    message: (f) => `${f.where} is not valid: ${f.issues.join('; ')}`,
    hint: () => 'Correct it; `migrate-safe --help` lists what each setting takes.',
  },
  'config-unreadable': {
    code: 'MS-CONFIG-FILE',
    exit: 2,
    message: (f) => `${f.file} could not be loaded: ${f.reason}`,
    hint: (f) => `Correct ${f.file}, or name another one with --config.`,
  },
  usage: {
    code: 'MS-USAGE',
    exit: 2,
    message: (f) => f.reason,
    hint: (f) => f.suggestion ?? 'See `migrate-safe --help`.',
  },
  'unknown-version': {
    code: 'MS-VERSION-UNKNOWN',
    exit: 2,
    message: (f) => `there is no step ${f.version}`,
    hint: (f) => (f.known.length > 0 ? `Known steps: ${list(f.known)}.` : 'There are no steps; make one with `migrate-safe new <name>`.'),
  },
  'database-missing': {
    code: 'MS-DB-MISSING',
    exit: 2,
    message: (f) => `there is no database at ${f.database}`,
    hint: () => '`migrate-safe up` creates it; or name another one with --database.',
  },
  'database-is-directory': {
    code: 'MS-DB-DIRECTORY',
    exit: 2,
    message: (f) => `${f.database} is a directory, not a database`,
    hint: (f) => `Name a file, for example --database sqlite:${f.database}/app.db`,
  },
  'driver-missing': {
    code: 'MS-DRIVER-MISSING',
    exit: 2,
    message: (f) => (f.installed ? `the driver ${f.driver} is installed, but its binary is not` : `the driver ${f.driver} is not installed`),
    hint: (f) =>
      f.installed
        ? `npm skipped its build script. Type: npm install-scripts approve ${f.driver} && npm rebuild ${f.driver}   (or use the other driver: npm install ${other(f.driver)}, and ?driver=${other(f.driver)} in the database URL)`
        : `Type: npm install ${f.driver}   (or use the other driver: npm install ${other(f.driver)}, and ?driver=${other(f.driver)} in the database URL)`,
  },
  'driver-conflict': {
    code: 'MS-DRIVER-CONFLICT',
    exit: 2,
    message: (f) => `this process has already loaded ${f.loaded}; opening the same file with ${f.driver} as well would drop its locks and lose rows`,
    hint: (f) => `Pass the application's own knex instance as \`database\`, or choose the driver: sqlite:app.db?driver=${f.loaded}`,
  },
  'driver-unsupported': {
    code: 'MS-DRIVER-UNSUPPORTED',
    exit: 2,
    message: (f) => `the driver ${f.driver} cannot be used: ${f.reason}`,
    hint: () => 'Use sqlite3 or better-sqlite3 in a version that supports this Node.js.',
  },

  'steps-missing': {
    code: 'MS-STEPS-MISSING',
    exit: 2,
    message: (f) => `there is no directory of steps at ${f.directory}`,
    hint: () => 'Make the first step with `migrate-safe new <name>`, or name the directory with --steps.',
  },
  'step-file-name': {
    code: 'MS-STEP-NAME',
    exit: 2,
    message: (f) => `${f.file}: ${f.reason}`,
    hint: () => 'Name steps like 0001_create_users.up.sql, 0001_create_users.down.sql, 0001_create_users.sql or 0001_create_users.ts.',
  },
  'step-file-encoding': {
    code: 'MS-STEP-ENCODING',
    exit: 2,
    message: (f) => `${f.file} is not UTF-8`,
    hint: (f) => `Save it as UTF-8, for example: iconv -f UTF-16 -t UTF-8 ${f.file}`,
  },
  'step-empty': {
    code: 'MS-STEP-EMPTY',
    exit: 2,
    message: (f) => `${f.file} has no statement`,
    hint: () => 'Write the step, or remove the file.',
  },
  'step-directive': {
    code: 'MS-STEP-DIRECTIVE',
    exit: 2,
    message: (f) => `${f.file}:${f.line}: ${f.reason}: ${f.text}`,
    hint: () => 'Directives are: no-transaction, foreign-keys on, touches table=…, may-lose-rows table=…, may-drop table=… | column=t.c | index=… | view=… | trigger=… | check=t.c, may-null column=t.c, done-when SELECT …',
  },
  'step-script': {
    code: 'MS-STEP-SCRIPT',
    exit: 2,
    message: (f) => `${f.file}:${f.line}: ${f.reason}`,
    hint: (f) =>
      f.keyword === undefined
        ? 'Close it; the line is where it was opened.'
        : 'A step is one transaction, and the engine holds it: take the keyword out, or split the file into two steps. A step that cannot run in a transaction says so at its top: -- migrate-safe: no-transaction',
  },
  'step-load': {
    code: 'MS-STEP-LOAD',
    exit: 2,
    message: (f) => `${f.file} could not be loaded: ${f.reason}`,
    hint: (f) => `Correct ${f.file}; nothing was run.`,
  },
  'step-shape': {
    code: 'MS-STEP-SHAPE',
    exit: 2,
    message: (f) => `${f.file}: ${f.reason}`,
    hint: () => 'Export `default defineStep({ apply, revert })`, or knex-style `up` and `down`.',
  },
  'duplicate-version': {
    code: 'MS-STEP-DUPLICATE',
    exit: 2,
    message: (f) => `version ${f.version} is claimed more than once: ${f.files.join(', ')}`,
    hint: () => 'Renumber the one that is not applied yet. Versions are compared as numbers: 2 and 0002 are the same.',
  },

  'changed-step': {
    code: 'MS-STEP-CHANGED',
    exit: 3,
    message: (f) => `${list(f.versions)} changed after being applied (${list(f.files)})`,
    hint: () => 'Put the file back as it was, and write what is new as a new step. Nothing was changed in the database.',
  },
  'missing-step': {
    code: 'MS-STEP-MISSING',
    exit: 3,
    message: (f) =>
      f.renamedTo === undefined
        ? `${list(f.versions)} is applied, but its file is gone`
        : `${list(f.versions)} is applied, but its file is gone; ${f.renamedTo} has the same content: was it renumbered?`,
    hint: (f) => (f.renamedTo === undefined ? 'Put the file back, from version control for example.' : 'Give the file its old number back.'),
  },
  'out-of-order': {
    code: 'MS-STEP-ORDER',
    exit: 3,
    message: (f) => `${list(f.versions)} is new, but lies below ${f.current}, which is applied`,
    hint: () => 'Give it a higher number, or apply it late on purpose: migrate-safe up --out-of-order',
  },
  ahead: {
    code: 'MS-AHEAD',
    exit: 3,
    message: (f) => `the database has steps that this program does not know: ${list(f.versions)}`,
    hint: () => 'Deploy the version that brought them. Nothing was changed.',
  },
  pending: {
    code: 'MS-PENDING',
    exit: 3,
    message: (f) => `${f.count} ${f.count === 1 ? 'step is' : 'steps are'} pending`,
    hint: () => 'Apply with: migrate-safe up',
  },
  'no-journal': {
    code: 'MS-NO-JOURNAL',
    exit: 3,
    message: (f) =>
      f.tool === undefined
        ? `${f.database} has ${f.tables} ${f.tables === 1 ? 'table' : 'tables'} but no journal: nobody has said which steps it already has`
        : `${f.database} has ${f.tables} ${f.tables === 1 ? 'table' : 'tables'} and the history of ${f.tool.name} (table ${f.tool.table}), but no journal`,
    hint: () => 'Say what it has: `migrate-safe stamp V` if the steps up to V are in it already, or `migrate-safe stamp base` to begin from here. Nothing was changed.',
  },
  'chain-broken': {
    code: 'MS-CHAIN-BROKEN',
    exit: 3,
    state: 'needs-attention',
    message: (f) => `the journal ${f.where === 'mirror' ? 'mirror ' : ''}is not what was written: event ${f.at.position} is ${f.at.problem}`,
    hint: () => 'Somebody changed the history by hand. `migrate-safe history` shows it, `migrate-safe restore --latest` puts back a database whose journal is whole.',
  },
  'projection-differs': {
    code: 'MS-PROJECTION',
    exit: 3,
    state: 'needs-attention',
    message: (f) => `the table of applied steps does not say what the journal says: ${f.detail}`,
    hint: () => 'The journal is right; the next `migrate-safe up` writes the table again from it.',
  },
  'mirror-ahead': {
    code: 'MS-MIRROR-AHEAD',
    exit: 3,
    state: 'needs-attention',
    message: (f) =>
      f.diverged
        ? `the database's journal and its mirror in the backups differ from event ${f.database} on: this is not the database that the backups belong to, or it was put back by hand`
        : `the database ends at event ${f.database}, its mirror in the backups at event ${f.mirror}: an older copy of the database was put back by hand`,
    hint: () => 'Put a known state back, with its journal: migrate-safe restore --latest   (a copy of the present file is kept first). Or name other backups with --backups if this copy is to live on its own.',
  },
  'journal-newer': {
    code: 'MS-JOURNAL-NEWER',
    exit: 3,
    message: (f) => `the journal was written by a newer migrate-safe: ${f.detail}`,
    hint: () => 'Update: npm install migrate-safe@latest. Nothing was changed.',
  },
  interrupted: {
    code: 'MS-INTERRUPTED',
    exit: 3,
    message: (f) => `a run that began ${f.startedAt} has not ended`,
    hint: () => 'If it is not running any more, `migrate-safe up` goes on from where it stopped.',
  },
  'backup-corrupt': {
    code: 'MS-BACKUP-CORRUPT',
    exit: 3,
    message: (f) => `backup ${f.backupId} is not what was stored: ${f.check}: ${f.detail}`,
    hint: () => 'The database was not touched. Choose another: migrate-safe backup list',
  },

  'step-failed': {
    code: 'MS-STEP-FAILED',
    exit: 1,
    state: 'rolled-back',
    message: (f) => f.reason,
    hint: () => 'The step was rolled back and nothing of it is left. Correct it and run `migrate-safe up` again.',
  },
  'guard-refused': {
    code: 'MS-GUARD-LOSS',
    exit: 1,
    state: 'rolled-back',
    message: (f) => findings(f.findings),
    hint: (f) =>
      f.declare.length === 0
        ? 'The step was rolled back and nothing of it is left. Correct it and run it again.'
        : f.language === 'sql'
          ? `The step was rolled back. If the loss is meant, say so at the top of its file:\n\n${f.declare.map((line) => `    ${line}`).join('\n')}`
          : `The step was rolled back. If the loss is meant, declare it:\n\n${f.declare.map((line) => `    ${line}`).join('\n')}`,
  },
  'validation-failed': {
    code: 'MS-VALIDATION',
    exit: 1,
    state: 'rolled-back',
    message: (f) => f.reason,
    hint: () => 'The step was rolled back and nothing of it is left.',
  },
  'step-timeout': {
    code: 'MS-STEP-TIMEOUT',
    exit: 1,
    state: 'rolled-back',
    message: (f) => `step ${f.version} did not end within ${f.ms / 1000} s`,
    hint: () => 'It was rolled back. A step that needs longer says so: timeoutMs in its definition. A step whose promise never resolves is often one that waits for a connection of its own: it must use the handle it is given.',
  },
  'step-ended-transaction': {
    code: 'MS-STEP-TRANSACTION',
    exit: 1,
    state: 'rolled-back',
    message: (f) => `step ${f.version} may not do this inside its transaction: ${f.what}`,
    hint: () => 'A step is one transaction, and the engine holds it. Take the statement out; what cannot run in a transaction goes into a step of its own that says `no-transaction` (in code: transaction: \'none\').',
  },
  'step-foreign-connection': {
    code: 'MS-STEP-CONNECTION',
    exit: 1,
    state: 'rolled-back',
    message: (f) => `step ${f.version} works on the database through a connection of its own: ${f.reason}`,
    hint: () => 'Use the handle that the step is given: only what goes through it is backed up, checked and rolled back.',
  },
  'no-revert': {
    code: 'MS-NO-REVERT',
    exit: 1,
    message: (f) => `step ${f.version} has no revert`,
    hint: (f) => `Write one, or put the database back to before it: migrate-safe restore --before-step ${f.version}`,
  },
  'needs-person': {
    code: 'MS-NEEDS-PERSON',
    exit: 5,
    state: 'needs-attention',
    message: (f) => `${f.reason}${f.rowsAtStake === undefined ? '' : `; ${f.rowsAtStake} rows written since would be lost by going back on its own`}`,
    hint: (f) => `Look at it, then type: ${f.command}`,
  },

  locked: {
    code: 'MS-LOCKED',
    exit: 4,
    retryable: true,
    message: (f) =>
      f.owner === undefined
        ? `another run holds the lock; waited ${Math.round(f.waitedMs / 1000)} s`
        : `another run holds the lock: pid ${f.owner.pid} on ${f.owner.host}, since ${f.owner.since}, ${f.owner.doing}; waited ${Math.round(f.waitedMs / 1000)} s`,
    hint: () => 'Wait for it, or wait longer with --lock-wait 30m. The lock ends with its process; there is nothing to remove.',
  },
  'lock-failed': {
    code: 'MS-LOCK-FAILED',
    exit: 1,
    message: (f) => `the lock at ${f.path} could not be taken: ${f.reason}`,
    hint: () => 'The directory of the database must be writable for the one who migrates it.',
  },
  cancelled: {
    code: 'MS-CANCELLED',
    exit: 130,
    retryable: true,
    state: 'rolled-back',
    message: () => 'cancelled',
    hint: () => 'What was under way was rolled back; `migrate-safe up` goes on from there.',
  },
  'database-busy': {
    code: 'MS-DB-BUSY',
    exit: 4,
    retryable: true,
    message: (f) => `${f.database} is locked by another connection, which did not let go while ${f.doing}`,
    hint: () => 'Nothing was changed. End the long transaction of the application, or wait longer with --lock-wait 30m.',
  },
  'database-unusable': {
    code: 'MS-DB-UNUSABLE',
    exit: 1,
    message: (f) => `${f.database} cannot be used: ${f.detail}`,
    hint: (f) => UNUSABLE[f.reason] ?? 'Run `migrate-safe doctor`.',
  },
  'database-failed': {
    code: 'MS-DB-FAILED',
    exit: 1,
    retryable: true,
    message: (f) => `${f.doing}: ${f.detail}`,
    hint: (f) => UNUSABLE[f.reason] ?? 'Nothing half-done was left. Run it again; if it stays, run `migrate-safe doctor`.',
  },
  'disk-space': {
    code: 'MS-DISK-SPACE',
    exit: 1,
    retryable: true,
    message: (f) => `${f.directory} has ${megabytes(f.freeBytes)} free; the backups of this run need about ${megabytes(f.neededBytes)}`,
    hint: () => 'Nothing was changed. Free some space, or keep backups elsewhere with --backups.',
  },
  'backup-failed': {
    code: 'MS-BACKUP-FAILED',
    exit: 1,
    retryable: true,
    message: (f) => `no backup could be made in ${f.directory}: ${f.reason}`,
    hint: () => 'The step was not begun. See that the directory can be written, or name another with --backups.',
  },
  'backup-not-found': {
    code: 'MS-BACKUP-UNKNOWN',
    exit: 2,
    message: (f) => `there is no backup ${f.wanted} in ${f.directory}`,
    hint: () => 'See what there is: migrate-safe backup list',
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
    hint: () => 'The database is what it was. Correct the cause and run the same command again.',
  },
  'restore-declined': {
    code: 'MS-RESTORE-DECLINED',
    exit: 130,
    message: () => 'not restored',
    hint: () => 'Nothing was changed. In a script, --yes answers the question.',
  },
  'stale-journal': {
    code: 'MS-STALE-JOURNAL',
    exit: 1,
    retryable: true,
    message: (f) => `somebody else wrote to the journal: expected it to end at ${f.expected}, it ends at ${f.actual}`,
    hint: () => 'Nothing was written. Run it again.',
  },
};

const UNUSABLE: Readonly<Record<string, string>> = {
  'not-a-database': 'It is not a SQLite file (or it is encrypted). Name the right one with --database, or put a backup back: migrate-safe restore --latest',
  corrupt: 'Put a backup back: migrate-safe restore --latest   (the damaged file is kept aside)',
  'read-only': 'It is read-only for this user: see the rights of the file and its directory.',
  'cannot-open': 'See the rights of the file and its directory.',
  busy: 'Another connection holds it; end the long transaction, or run it again.',
  'disk-full': 'The disk is full. Free some space and run it again; what was under way was rolled back.',
};

const other = (driver: string): string => (driver === 'sqlite3' ? 'better-sqlite3' : 'sqlite3');
