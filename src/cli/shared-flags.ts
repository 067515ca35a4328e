// Flags that several verbs have, and those that all of them have.
import { Option, type Command } from 'commander';

const GUARD = ['enforce', 'warn', 'off'];
const FILE_BACKUP = ['each-step', 'each-run', 'never'];

/** Accepted before and after the verb. */
export function addGlobals(program: Command): void {
  program
    .option('--config <file>', 'config file (default: migrate-safe.config.{ts,mts,cts,js,mjs,cjs})')
    .option('--database <url>', 'sqlite:app.db, sqlite:/path/app.db?driver=better-sqlite3, postgres://user@host/name')
    .option('--steps <directory>', 'the step files (default: ./migrations)')
    .option('--backups <directory>', "backups and the journal's mirror (default: ./backups)")
    .option('--component <name>', 'namespace of the steps (default: main)')
    .addOption(
      new Option(
        '--guard <mode>',
        'what becomes of a step that loses what it did not declare: enforce (default), warn, off',
      ).choices(GUARD),
    )
    .option('--lock-wait <duration>', 'how long to wait for another run, for example 90s (default: 10m)')
    .option('--env-file <file>', 'read variables from this file; none is read by itself')
    .option('--json', 'one JSON document on stdout, everything else on stderr')
    .option('--yes', 'answer every question with yes')
    .option('--quiet', 'print errors only')
    .option('--verbose', 'show causes and stack traces')
    .option('--no-color', 'no colours');
}

export const addBackups = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--file-backup <policy>',
        'when the whole database is backed up: each-step (default for SQLite), each-run (for PostgreSQL), never',
      ).choices(FILE_BACKUP),
    )
    .addOption(
      new Option(
        '--file-backup-by <way>',
        'how, on PostgreSQL: dump (default), or restore-point where the server archives its log',
      ).choices(['dump', 'restore-point']),
    );

export const addOrder = (command: Command): Command =>
  command
    .option('--out-of-order', 'apply new steps below the newest applied one, too')
    .addOption(
      new Option(
        '--on-ahead <policy>',
        'when the database has newer steps than there are here: warn (default), refuse',
      ).choices(['warn', 'refuse']),
    );
