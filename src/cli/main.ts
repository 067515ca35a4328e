#!/usr/bin/env node
// The `migrate-safe` command: parses, calls, prints. The only place that decides on the exit code.
import { CommanderError } from 'commander';
import { migrateError, reasonOf, type MigrateError } from '../core/errors/migrate-error.js';
import type { CommandContext, FailureContext, Finding } from './answer.js';
import { failureDocument } from './documents.js';
import { makeProgram, type Call } from './program.js';
import { repeatFlags } from './repeat-flags.js';
import { endedFromWithin, Strays } from './strays.js';
import { Terminal } from './terminal.js';

const BUG_EXIT = 5;

// Taken before --json turns stdout away from everything but its document.
const writers = [process.stdout, process.stderr].map((stream) => stream.write.bind(stream));
process.exitCode = await main(process.argv.slice(2));
// A step may have left a timer or a connection behind: the command is over all the same, once its words are out.
for (const write of writers) await new Promise((written) => write('', written));
process.exit();

async function main(args: readonly string[]): Promise<number> {
  const parsed = parse(args);
  if (typeof parsed === 'number') return parsed;
  const isCall = 'run' in parsed;
  const flags = isCall ? parsed.flags : {};
  const terminal = new Terminal({
    json: flags.json ?? args.includes('--json'),
    quiet: flags.quiet ?? args.includes('--quiet'),
    color: flags.color ?? !args.includes('--no-color'),
    verbose: flags.verbose ?? args.includes('--verbose'),
  });
  if (!isCall) return fail(terminal, parsed, { kept: [], readOnly: true });
  const strays = new Strays(() => {
    terminal.live.end();
    if (terminal.json) terminal.document(failureDocument(endedFromWithin));
    const { code, message, hint, exitCode } = endedFromWithin;
    terminal.error.lines(['', `${terminal.error.paint.red('✖')} ${message}   [${code}]`, hint]);
    return exitCode;
  });
  const exitCode = await run(terminal, parsed, strays);
  strays.over();
  return exitCode;
}

async function run(terminal: Terminal, call: Call, strays: Strays): Promise<number> {
  const context: CommandContext = {
    terminal,
    strayed: strays.signal,
    failure: () => ({ kept: [], readOnly: call.readOnly }),
  };
  try {
    const result = await call.run(context);
    const naming = <E extends MigrateError | Finding>(error: E): E => ({
      ...error,
      hint: repeatFlags(error.hint, call.flags),
    });
    if (result.isErr()) return fail(terminal, naming(strays.failureOf(result.error)), context.failure());
    const { document, lines, toRepeat = call.flags, finding = strays.finding } = result.value;
    terminal.live.end();
    if (finding === undefined) {
      if (terminal.json) terminal.document({ ok: true, ...document });
      else terminal.out.lines(lines(terminal.out).map((line) => repeatFlags(line, toRepeat)));
      return 0;
    }
    if (!terminal.json) {
      terminal.out.lines(lines(terminal.out).map((line) => repeatFlags(line, toRepeat)));
      terminal.out.lines(['']);
    }
    return fail(terminal, naming(finding), { kept: [], readOnly: true }, document);
  } catch (thrown) {
    // Errors are values everywhere else: what is thrown is a bug, and its stack is what helps.
    context.failure();
    return fail(terminal, bug(thrown), { kept: [], readOnly: true });
  }
}

/** Prints a failure for whom it is meant, and says which exit code it has. */
async function fail(
  terminal: Terminal,
  error: MigrateError | Finding,
  context: FailureContext,
  document: Readonly<Record<string, unknown>> = {},
): Promise<number> {
  const { failureLines } = await import('./failure-lines.js');
  terminal.live.end();
  if (terminal.json) terminal.document({ ...failureDocument(error), ...document, ok: false });
  // A log of a script that keeps only the document says in words what went wrong, too.
  const told = !terminal.json || (!terminal.quiet && !process.stdout.isTTY);
  if (told) terminal.error.lines(failureLines(error, context, terminal.error));
  const cause = 'cause' in error ? error.cause : undefined;
  if (terminal.verbose && cause instanceof Error)
    terminal.error.lines(['', ...(cause.stack ?? cause.message).split('\n')]);
  return error.exitCode;
}

/** The call; or the exit code where commander has answered itself (help, version); or what is wrong with the line. */
function parse(args: readonly string[]): Call | number | MigrateError {
  let call: Call | undefined;
  const program = makeProgram((made) => (call = made));
  for (const command of [program, ...program.commands, ...program.commands.flatMap((one) => one.commands)]) {
    command.exitOverride().configureOutput({ outputError: () => undefined, writeErr: () => undefined });
  }
  try {
    program.parse(args, { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return 0;
    return thrown.code === 'commander.help' ? nothingCalled(args) : usage(thrown.message);
  }
  return call ?? nothingCalled(args);
}

function nothingCalled(args: readonly string[]): MigrateError {
  const [asked, name] = args.slice(-2);
  if (asked === 'help' && name !== undefined) return usage(`unknown command '${name}'`);
  if (args.includes('generate'))
    return migrateError({
      kind: 'usage',
      reason: 'generate what?',
      suggestion: 'A table, declared, and its DAO: migrate-safe generate dao TABLE',
    });
  return args.some((one) => one === 'backup')
    ? migrateError({
        kind: 'usage',
        reason: 'backup what?',
        suggestion: 'One of: migrate-safe backup create | list | show ID',
      })
    : migrateError({
        kind: 'usage',
        reason: 'no command was given',
        suggestion: 'Begin with: migrate-safe init   or see: migrate-safe --help',
      });
}

/** `error: unknown option '--x'\n(Did you mean --y?)` */
function usage(message: string): MigrateError {
  const [first = '', ...rest] = message.replace(/^error: /, '').split('\n');
  const meant = rest
    .join(' ')
    .replace(/^\(|\)$/g, '')
    .trim();
  return migrateError({
    kind: 'usage',
    reason: first,
    ...(meant === '' ? {} : { suggestion: `${meant} See \`migrate-safe --help\`.` }),
  });
}

function bug(thrown: unknown): Finding & { readonly cause: unknown } {
  return {
    code: 'MS-BUG',
    kind: 'bug',
    message: `this is a bug in migrate-safe: ${reasonOf(thrown)}`,
    hint: 'Nothing that was not committed is left; `migrate-safe status` says what is. Please report it, with what --verbose prints.',
    exitCode: BUG_EXIT,
    state: 'needs-attention',
    cause: thrown,
  };
}
