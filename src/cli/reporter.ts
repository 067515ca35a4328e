// Draws a run while it goes on: a header, the phases of each step with their marks, a moving line on a terminal.
import type { DatabaseInfo } from '../core/ports/database.js';
import type { Policy } from '../core/manager/ports.js';
import type { Direction, Progress } from '../core/manager/progress.js';
import type { FailureContext } from './answer.js';
import { count, duration } from './format.js';
import {
  backupText,
  barText,
  guardText,
  largeLines,
  observedText,
  phaseLines,
  recoveredLines,
  TEXT_AT,
  validatedText,
  waitingText,
  workedText,
  type Mark,
} from './progress-lines.js';
import type { Terminal } from './terminal.js';

/** With more steps than this, one that goes through takes one line. */
const DETAILED = 12;
const PLAIN_WAIT_MS = 30_000;

interface StepUnderWay {
  readonly version: string;
  readonly description: string;
  readonly direction: Direction;
  readonly started: number;
  readonly lines: string[];
  readonly summary: string[];
}

export class Reporter {
  readonly #terminal: Terminal;
  readonly #info: () => DatabaseInfo;
  readonly #policy: Policy;
  #step: StepUnderWay | undefined;
  #detailed = true;
  #steps = 0;
  #phase: string | undefined;
  #phaseStarted = 0;
  #pass = '';
  #warned = false;
  #waits = false;
  #waitTold = -Infinity;
  #begun = false;
  readonly #kept: string[] = [];
  readonly #reverted: string[] = [];

  constructor(terminal: Terminal, info: () => DatabaseInfo, policy: Policy) {
    this.#terminal = terminal;
    this.#info = info;
    this.#policy = policy;
  }

  /** What has to be known to tell a failure. */
  get failure(): FailureContext {
    return {
      ...(this.#phase === undefined ? {} : { phase: this.#phase }),
      kept: this.#kept,
      reverted: this.#reverted,
      readOnly: false,
    };
  }

  /** Whether anything of a run was shown: then the result comes after a blank line, without the database's name. */
  get hasBegun(): boolean {
    return this.#begun;
  }

  readonly take = (progress: Progress): void => {
    if (this.#waits && progress.kind !== 'waiting') this.#terminal.live.end();
    this.#waits = progress.kind === 'waiting';
    switch (progress.kind) {
      case 'waiting':
        return this.#waiting(progress);
      case 'recovered':
        return this.#say([...recoveredLines(progress), '']);
      case 'planned':
        return this.#planned(progress.direction, progress.versions.length);
      case 'warning':
        return this.#say([`${this.#terminal.log.paint.yellow('!')} ${progress.message}`, ...(this.#begun ? [] : [''])]);
      case 'large-database':
        return this.#say([...largeLines(progress.large, this.#terminal.log.paint), '']);
      case 'step-started':
        return this.#stepStarted(progress);
      case 'backup-progress':
        return this.#bar('backup', progress.doneBytes, progress.totalBytes);
      case 'verify-progress':
        if (progress.pass === 'content' && progress.doneBytes >= progress.totalBytes) return this.#counting();
        return this.#bar('verify', progress.doneBytes, progress.totalBytes, progress.pass);
      case 'restore-progress':
        return this.#bar('restore', progress.doneBytes, progress.totalBytes);
      case 'backup-taken':
        this.#done(
          'done',
          'backup',
          backupText(progress, this.#terminal.log.width - TEXT_AT, this.#terminal.log.paint),
        );
        return this.#work();
      case 'worked':
        this.#done('done', progress.direction, workedText(progress), workedText(progress));
        return this.#begin('effects', () => 'reading what was done');
      case 'guard-warning':
        this.#warned = true;
        return this.#done('warning', 'guard', guardText(progress));
      case 'observed': {
        const text = observedText(
          progress,
          this.#policy.guard === 'enforce' && !this.#warned && this.#step?.direction === 'apply',
        );
        return this.#done('done', 'effects', text, text === 'no rows touched' ? '' : text);
      }
      case 'validated': {
        const keysChecked = this.#policy.guard === 'enforce';
        return this.#done(
          progress.schemaRestored === false ? 'warning' : 'done',
          'schema',
          validatedText(progress, this.#step?.version ?? '', keysChecked),
        );
      }
      case 'recorded':
        return this.#recorded(progress.position);
      case 'step-failed':
        this.#phase =
          progress.phase === 'work'
            ? (this.#step?.direction ?? 'apply')
            : progress.phase === 'validate'
              ? 'check'
              : progress.phase;
        this.#flush();
        return this.#terminal.live.set(() => 'rolling back');
    }
  };

  /** After the last of it: the moving line goes, and the lines of a step that did not end are shown. */
  end(): void {
    this.#terminal.live.end();
    this.#flush();
  }

  #say(lines: readonly string[]): void {
    this.#terminal.say(lines);
  }

  #planned(direction: Direction, steps: number): void {
    this.#detailed = steps <= DETAILED;
    this.#steps = 0;
    this.#begun = true;
    const { paint } = this.#terminal.log;
    this.#say([`${paint.bold(this.#info().label)}   ${count(steps, 'step')} to ${direction}`]);
  }

  #stepStarted({ version, description, direction }: Extract<Progress, { kind: 'step-started' }>): void {
    this.#flush();
    this.#steps += 1;
    this.#phase = undefined;
    this.#warned = false;
    const { paint } = this.#terminal.log;
    const title = `  ${paint.bold(`${version} ${description === version ? '' : description}`.trim())}${direction === 'revert' ? paint.dim('  revert') : ''}`;
    this.#step = {
      version,
      description,
      direction,
      started: performance.now(),
      lines: [...(this.#detailed || this.#steps === 1 ? [''] : []), title],
      summary: [],
    };
    if (this.#detailed) this.#flush();
    const backs = this.#policy.fileBackup === 'each-step';
    if (backs) this.#begin('backup', () => '');
    else this.#work();
  }

  #work(): void {
    const direction = this.#step?.direction;
    if (direction !== undefined) this.#begin(direction, () => '');
  }

  #begin(phase: string, text: () => string): void {
    this.#phaseStarted = performance.now();
    const label = this.#detailed ? phase : `${this.#step?.version ?? ''} ${phase}`;
    this.#terminal.live.set(
      () =>
        `${label.padEnd(10)} ${text()}${text() === '' ? '' : ', '}${duration(performance.now() - this.#phaseStarted)}`,
    );
  }

  /** After the proof of a backup: what was written since is read from the database. */
  #counting(): void {
    const since = performance.now();
    this.#terminal.live.set(() => `counting what was written since, ${duration(performance.now() - since)}`);
  }

  /** `pass`: what is measured; each has a time of its own. */
  #bar(label: string, done: number, total: number, pass = label): void {
    if (this.#pass !== pass) this.#phaseStarted = 0;
    this.#pass = pass;
    const elapsed = this.#phaseStarted === 0 ? 0 : performance.now() - this.#phaseStarted;
    if (this.#phaseStarted === 0) this.#phaseStarted = performance.now();
    this.#terminal.live.set((width) => barText(label, done, total, elapsed, width));
  }

  #done(mark: Mark, label: string, text: string, summary = ''): void {
    const { log } = this.#terminal;
    const lines = phaseLines(mark, label, text, log);
    if (this.#step === undefined) return this.#detailed && this.#begun ? this.#say(['', ...lines]) : undefined;
    if (summary !== '') this.#step.summary.push(summary);
    this.#step.lines.push(...lines);
    // What somebody has to see is not folded into one line.
    if (this.#detailed || mark === 'warning') this.#flush();
  }

  /** The step's lines as they stand; after them it is empty, and what follows is added below. */
  #flush(): void {
    const lines = this.#step?.lines.splice(0) ?? [];
    if (lines.length > 0) this.#say(lines);
  }

  #recorded(position: number): void {
    const step = this.#step;
    if (step === undefined) return;
    if (step.direction === 'apply') this.#kept.push(step.version);
    else if (this.#kept.includes(step.version)) this.#kept.splice(this.#kept.indexOf(step.version), 1);
    else this.#reverted.push(step.version);
    if (this.#detailed) this.#done('done', 'recorded', `event ${position}`);
    else this.#folded(step);
    this.#step = undefined;
    this.#terminal.live.end();
  }

  #folded(step: StepUnderWay): void {
    const { paint } = this.#terminal.log;
    const name = `${step.version} ${step.description === step.version ? '' : step.description}`.trim();
    const summary = [...step.summary, duration(performance.now() - step.started)].join(', ');
    this.#say([...(this.#steps === 1 ? [''] : []), `  ${paint.green('✔')} ${name}   ${paint.dim(summary)}`]);
  }

  #waiting(progress: Extract<Progress, { kind: 'waiting' }>): void {
    const { live, error } = this.#terminal;
    const heard = performance.now();
    if (live.on) return live.set((width) => waitingText(progress, width, performance.now() - heard));
    if (progress.waitedMs - this.#waitTold < PLAIN_WAIT_MS) return;
    this.#waitTold = progress.waitedMs;
    if (!this.#terminal.quiet) this.#terminal.say([waitingText(progress, error.width)], error);
  }
}
