// `doctor`: looks at everything a run needs, and says for each thing that is missing what to type.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { okAsync, ResultAsync, type Result } from 'neverthrow';
import type { MigrateError } from '../../core/errors/migrate-error.js';
import { shellWord } from '../../core/errors/shell-word.js';
import { fromSource, fromStore } from '../../core/manager/as-error.js';
import type { AuditReport } from '../../core/manager/audit.js';
import type { HealthCheck } from '../../core/ports/doctor.js';
import { Tokens } from '../../tokens.js';
import type { Answer, CommandContext, CommandResult, Finding } from '../answer.js';
import { openEngine, type Engine } from '../engine.js';
import { bytes, count, wrap } from '../format.js';
import { openRunText } from '../open-run-text.js';
import { relative } from '../progress-lines.js';
import type { Flags } from '../settings.js';
import type { Sink } from '../terminal.js';

const RESERVE_BYTES = 16 * 1024 * 1024;
const CHECK_EXIT = 3;

const good = (name: string, detail: string, fix: string | null = null): HealthCheck => ({
  name,
  ok: true,
  detail,
  fix,
});
const bad = (name: string, { message, hint }: Pick<MigrateError, 'message' | 'hint'>): HealthCheck => ({
  name,
  ok: false,
  detail: message,
  fix: hint,
});

export function runDoctor(_context: CommandContext, flags: Flags): CommandResult {
  return new ResultAsync(examine(flags)).map((checks): Answer => {
    const broken = checks.filter(({ ok }) => !ok);
    return {
      document: { checks },
      lines: (sink) => checkLines(checks, sink),
      ...(broken.length > 0 ? { finding: findingOf(broken) } : {}),
    };
  });
}

async function examine(flags: Flags) {
  const engine = await openEngine(flags);
  if (engine.isErr())
    return okAsync<readonly HealthCheck[], MigrateError>([node(), bad('configuration', engine.error)]);
  const { manager } = engine.value;
  const proof = await manager.audit();
  const lost = proof.isErr() && proof.error.kind === 'database-gone' ? proof.error : undefined;
  const checks = [
    node(),
    good('configuration', `database ${engine.value.info().label}, backups ${relative(engine.value.config.backups)}`),
    ...(await database(engine.value, lost)),
    await steps(engine.value),
    await backups(engine.value),
    ...(await journal(engine.value, proof)),
    ...(lost === undefined ? await obstacle(engine.value) : []),
  ];
  return manager.close().map(() => checks);
}

/** The dialect knows of no backups: that a file which is not there was lost is said in its place. */
async function database({ get }: Engine, lost: MigrateError | undefined): Promise<readonly HealthCheck[]> {
  const checks = await get(Tokens.Doctor).examine();
  return lost === undefined ? checks : [...checks.filter(({ name }) => name !== 'database'), bad('database', lost)];
}

/** What `up` would refuse to begin over. */
async function obstacle({ manager }: Engine): Promise<readonly HealthCheck[]> {
  const found = await manager.status();
  return found.isOk() && found.value.obstacle !== undefined ? [bad('start', found.value.obstacle)] : [];
}

/** The versions in package.json's `engines`. */
function node(): HealthCheck {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24;
  const detail = `Node.js ${process.versions.node}`;
  return supported
    ? good('node', detail)
    : {
        name: 'node',
        ok: false,
        detail: `${detail} is not supported`,
        fix: 'Install Node.js 20.19, 22.12, 24 or later.',
      };
}

/** Every step is parsed or loaded, as a run would. */
async function steps({ get, config }: Engine): Promise<HealthCheck> {
  const where = config.steps.directory === undefined ? '' : ` in ${relative(config.steps.directory)}`;
  const found = await get(Tokens.StepSource).candidates().mapErr(fromSource);
  if (found.isErr()) return bad('steps', found.error);
  for (const candidate of found.value) {
    const loaded = await candidate.load().mapErr(fromSource);
    if (loaded.isErr()) return bad('steps', loaded.error);
  }
  return good('steps', `${count(found.value.length, 'step')}${where}`);
}

/** Looks at the nearest directory that is there: a doctor makes none. */
async function backups(engine: Engine): Promise<HealthCheck> {
  const { get, config, info } = engine;
  const label = relative(config.backups);
  if (info().location === undefined) return good('backups', 'a database in memory has none');
  const existing = nearest(config.backups);
  try {
    accessSync(existing, constants.W_OK);
  } catch {
    return {
      name: 'backups',
      ok: false,
      detail: `${relative(existing)} cannot be written`,
      fix: `${toWrite(existing)}, or name another directory with --backups`,
    };
  }
  if (existing !== config.backups) return good('backups', `${label} will be made`);
  const free = await get(Tokens.BackupStore).freeBytes().mapErr(fromStore);
  if (free.isErr()) return bad('backups', free.error);
  const needed = Math.ceil((info().bytes ?? (await sizeOfBackup(engine))) * 1.1) + RESERVE_BYTES;
  const damaged = (await engine.manager.listBackups()).map((listing) => listing.damaged).unwrapOr([]);
  const [first] = damaged;
  if (first !== undefined)
    return {
      name: 'backups',
      ok: false,
      detail: `${count(damaged.length, 'backup is', 'backups are')} not whole, or cannot be read: ${first.id} (${first.detail})`,
      fix: `Take a new one: \`migrate-safe backup create\`. Then remove what is of no use, so that nobody counts on it: ${relative(first.directory)}`,
    };
  const detail = `${label} can be written, ${bytes(free.value)} free; one backup needs about ${bytes(needed)}`;
  return free.value >= needed
    ? good('backups', detail)
    : { name: 'backups', ok: false, detail, fix: 'Free some space, or keep backups elsewhere with --backups.' };
}

/** What lets this user write a directory; one of somebody else's only they, or root, can give away. */
function toWrite(directory: string): string {
  const shown = shellWord(relative(directory));
  return process.getuid === undefined || statSync(directory).uid === process.getuid()
    ? `chmod u+w ${shown}`
    : `sudo chown -R ${userInfo().username} ${shown}`;
}

/** Of a server's database, as it estimates it; what keeps it from that is said by another check. */
const sizeOfBackup = ({ get }: Engine): Promise<number> =>
  get(Tokens.Database)
    .open('read')
    .andThen((database) => database.backups.size().andThen((size) => database.close().map(() => size)))
    .unwrapOr(0);

const nearest = (directory: string): string =>
  existsSync(directory) || path.dirname(directory) === directory ? directory : nearest(path.dirname(directory));

/** Where there is no database, or one that does not open, the database's own check has said so. */
async function journal({ manager }: Engine, proof: Result<AuditReport, MigrateError>): Promise<readonly HealthCheck[]> {
  if (proof.isErr())
    return proof.error.code.startsWith('MS-DB') || proof.error.code.startsWith('MS-DRIVER')
      ? []
      : [bad('journal', proof.error)];
  if (proof.value.events === 0) return [good('journal', 'none yet')];
  const chain = good('journal', `${count(proof.value.events, 'event')}, chain intact`);
  const { openRun, isUnderWay } = (await manager.status()).unwrapOr({ openRun: undefined, isUnderWay: false });
  if (openRun === undefined) return [chain];
  const { what, fix, halfDone } = openRunText(openRun, isUnderWay);
  return [chain, { name: 'run', ok: !halfDone, detail: what, fix }];
}

const findingOf = (broken: readonly HealthCheck[]): Finding => ({
  code: 'MS-DOCTOR',
  kind: 'doctor',
  message: `${count(broken.length, 'thing')} to mend: ${[...new Set(broken.map(({ name }) => name))].join(', ')}`,
  hint:
    broken.length === 1
      ? (broken[0]?.fix ?? '')
      : 'Each is named above, with what mends it; then run `migrate-safe doctor` again.',
  exitCode: CHECK_EXIT,
  state: 'unchanged',
});

function checkLines(checks: readonly HealthCheck[], { paint, width }: Sink): string[] {
  const indent = ' '.repeat(17);
  const lines = checks.flatMap(({ name, ok, detail, fix }) => {
    const sign = !ok ? paint.red('✖') : fix === null ? paint.green('✔') : paint.yellow('!');
    const [first = '', ...rest] = wrap(detail, width - indent.length);
    const mends = fix === null ? [] : wrap(fix, width - indent.length).map((line) => indent + paint.cyan(line));
    return [`${sign} ${name.padEnd(14)} ${first}`, ...rest.map((line) => indent + line), ...mends];
  });
  return checks.every(({ ok }) => ok) ? [...lines, '', 'All is well.'] : lines;
}
