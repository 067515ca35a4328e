// The command line: verbs, flags and their help. What a verb does is loaded only when it is called.
import { Command, Option } from 'commander';
import { VERSION } from '../version.js';
import type { Result } from 'neverthrow';
import type { MigrateError } from '../core/errors/migrate-error.js';
import type { Answer, CommandContext } from './answer.js';
import type { RestoreFlags } from './commands/restore.js';
import { addGlobals } from './global-flags.js';
import type { Flags } from './settings.js';
import { addBackups, addOrder } from './shared-flags.js';

/** A verb that was called: what it runs, and with which flags. */
export interface Call {
  readonly flags: Flags;
  /** The verb only looks: its failing needs no word about what was changed. */
  readonly readOnly: boolean;
  readonly run: (context: CommandContext) => Promise<Result<Answer, MigrateError>>;
}

type Load<F> = (flags: F & Flags, argument: string | undefined) => Call['run'];

/** The program; `called` hears which verb it was. Parsing never runs anything. */
export function makeProgram(called: (call: Call) => void): Command {
  const program = new Command('migrate-safe')
    .description('Schema and data migrations that cannot lose what is in the database.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'help for a command')
    .configureHelp({
      showGlobalOptions: true,
      optionDescription: ({ description }) => description,
      helpWidth: Math.min(100, process.stdout.columns ?? 100),
    })
    .exitOverride();
  addGlobals(program);

  const verb = <F extends object>(
    parent: Command,
    usage: string,
    description: string,
    effect: 'reads' | 'changes',
    load: Load<F>,
  ): Command => {
    const command = parent.command(usage).description(description).allowExcessArguments(false);
    return command.action((...given: unknown[]) => {
      const argument = given.length > 2 && typeof given[0] === 'string' ? given[0] : undefined;
      const flags = command.optsWithGlobals<F & Flags>();
      called({ flags, readOnly: effect === 'reads', run: load(flags, argument) });
    });
  };

  verb(
    program,
    'init',
    'set a project up: a config file, a first step, lines for .gitignore',
    'reads',
    (flags) => async (context) => (await import('./commands/init.js')).runInit(context, flags),
  );
  verb<{ sql?: boolean; ts?: boolean }>(
    program,
    'new <name>',
    "make the next step's files",
    'reads',
    (flags, name = '') =>
      async (context) =>
        (await import('./commands/new.js')).runNew(context, flags, name),
  )
    .option('--sql', 'an SQL file, and one that undoes it (default)')
    .option('--ts', 'a TypeScript file');
  verb<{ check?: boolean }>(
    program,
    'status',
    'what is in the database, and what is pending',
    'reads',
    (flags) => async (context) => (await import('./commands/status.js')).runStatus(context, flags),
  ).option('--check', 'exit with 3 if anything is pending, changed or missing');
  verb(
    program,
    'current',
    'the highest version that is applied',
    'reads',
    (flags) => async (context) => (await import('./commands/status.js')).runCurrent(context, flags),
  );
  addOrder(
    verb<{ to?: string }>(
      program,
      'plan',
      'what `up` would do, with its statements',
      'reads',
      (flags) => async (context) => (await import('./commands/plan.js')).runPlan(context, flags),
    ).option('--to <version>', 'the last step to apply'),
  );
  addBackups(
    addOrder(
      verb<{ to?: string; dryRun?: boolean; fake?: boolean }>(
        program,
        'up',
        'apply what is pending, each step with a verified backup before it',
        'changes',
        (flags) => async (context) => (await import('./commands/up.js')).runUp(context, flags),
      )
        .option('--to <version>', 'the last step to apply')
        .option('--dry-run', 'only say what would be done')
        .option('--fake', 'record the steps without running them, as `stamp` does'),
    ),
  ).addOption(
    new Option(
      '--on-failure <policy>',
      "what becomes of the run's earlier steps: keep-earlier-steps (default), undo-run",
    ).choices(['keep-earlier-steps', 'undo-run']),
  );
  addBackups(
    verb<{ count?: string; to?: string }>(
      program,
      'down',
      'revert the newest step, or more',
      'changes',
      (flags) => async (context) => (await import('./commands/down.js')).runDown(context, flags),
    )
      .option('--count <number>', 'how many steps')
      .option('--to <version>', 'the version that stays applied; `base`: none does'),
  );
  verb(
    program,
    'stamp <target>',
    'record what the database already has: a version, `head`, or `base`',
    'changes',
    (flags, target = '') =>
      async (context) =>
        (await import('./commands/stamp.js')).runStamp(context, flags, target),
  );
  verb(
    program,
    'history',
    'the journal, oldest event first',
    'reads',
    (flags) => async (context) => (await import('./commands/history.js')).runHistory(context, flags),
  );
  verb(
    program,
    'audit',
    'prove that the journal is what was written',
    'reads',
    (flags) => async (context) => (await import('./commands/history.js')).runAudit(context, flags),
  );

  const backup = program
    .command('backup')
    .description('take, list and show backups')
    .helpOption('-h, --help', 'print this help');
  verb<{ verify?: string }>(
    backup,
    'create',
    'take a backup that is kept until it is removed',
    'changes',
    (flags) => async (context) => (await import('./commands/backup.js')).runBackupCreate(context, flags),
  ).addOption(
    new Option('--verify <level>', 'quick (default), or full: integrity, foreign keys and a content fingerprint too')
      .choices(['quick', 'full'])
      .default('quick'),
  );
  verb(
    backup,
    'list',
    'the backups of this database, newest first',
    'reads',
    (flags) => async (context) => (await import('./commands/backup.js')).runBackupList(context, flags),
  );
  verb(
    backup,
    'show <id>',
    'what one backup holds',
    'reads',
    (flags, id = '') =>
      async (context) =>
        (await import('./commands/backup.js')).runBackupShow(context, flags, id),
  );

  verb<RestoreFlags>(
    program,
    'restore [id]',
    'put a backup back; says first what would be lost, and asks',
    'changes',
    ({ asCopy, ...flags }, id) =>
      async (context) =>
        asCopy === undefined
          ? (await import('./commands/restore.js')).runRestore(context, flags, id)
          : (await import('./commands/restore-as-copy.js')).runRestoreAsCopy(context, { ...flags, asCopy }, id),
  )
    .option('--latest', 'the newest backup')
    .option('--before-step <version>', 'the newest from before this step')
    .option('--tables <names>', 'only these tables, with commas between')
    .addOption(
      new Option(
        '--by <way>',
        'how the whole of a PostgreSQL database is put back: auto (default), in-place, or swap: a new database takes its name',
      ).choices(['auto', 'in-place', 'swap']),
    )
    .option('--as-copy <name>', 'make a new PostgreSQL database of that name instead; nothing is replaced');
  const generate = program.command('generate').description('write TypeScript from the live schema');
  verb<{ out?: string; force?: boolean }>(
    generate.helpOption('-h, --help', 'print this help'),
    'dao <table>',
    "a table's declaration, its DAO and their tests",
    'reads',
    (flags, table = '') =>
      async (context) =>
        (await import('./commands/generate.js')).runGenerateDao(context, flags, table),
  )
    .option('--out <directory>', 'where the files go (default: ./dao)')
    .option('--force', 'write over files that are there');
  verb(
    program,
    'check',
    'whether what your program declares fits the schema that is there; exits with 3 where it does not',
    'reads',
    (flags) => async (context) => (await import('./commands/check.js')).runCheck(context, flags),
  );
  verb(
    program,
    'doctor',
    'what is missing here, and the command that mends it',
    'reads',
    (flags) => async (context) => (await import('./commands/doctor.js')).runDoctor(context, flags),
  );
  return program;
}
