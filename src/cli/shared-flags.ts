// Flags that several verbs have.
import { Option, type Command } from 'commander';

const FILE_BACKUP = ['each-step', 'each-run', 'never'];

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
        'how, on PostgreSQL: dump (default), restore-point where the server archives its log, or template-clone where nobody else is connected',
      ).choices(['dump', 'restore-point', 'template-clone']),
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
