// The flags that every verb takes.
import { Option, type Command } from 'commander';

const GUARD = ['enforce', 'warn', 'off'];

/** Accepted before and after the verb. */
export function addGlobals(program: Command): void {
  program
    .option('--config <file>', 'config file (default: migrate-safe.config.{ts,mts,cts,js,mjs,cjs})')
    .option('--database <url>', 'sqlite:app.db, sqlite:/path/app.db?driver=better-sqlite3, postgres://user@host/name')
    .option('--steps <directory>', 'the step files (default: ./migrations)')
    .option('--contract <file>', 'the module that exports the tables, DAOs and queries of your program')
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
