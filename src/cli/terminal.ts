// Where the command writes: the result on stdout, errors on stderr, progress beside the result or, with --json, on stderr.
import { stripVTControlCharacters } from 'node:util';
import { LiveLine } from './live-line.js';
import { paintFor, wantsColour, type Paint } from './style.js';

const WIDEST = 100;

export interface TerminalOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
  readonly verbose: boolean;
}

/** A stream for lines, with what it can show. */
export class Sink {
  readonly paint: Paint;
  readonly isTerminal: boolean;
  readonly coloured: boolean;
  readonly #stream: NodeJS.WriteStream;
  readonly #write: (text: string) => void;
  readonly #silent: boolean;

  constructor(stream: NodeJS.WriteStream, options: { readonly color: boolean; readonly silent: boolean }) {
    this.isTerminal = 'isTTY' in stream && stream.isTTY;
    this.coloured = wantsColour(this.isTerminal, process.env, options.color);
    this.paint = paintFor(this.coloured);
    this.#stream = stream;
    this.#silent = options.silent;
    const write = stream.write.bind(stream);
    this.#write = (text) => void write(text);
  }

  get width(): number {
    return Math.max(40, Math.min(WIDEST, this.isTerminal ? (this.#stream.columns ?? WIDEST) : WIDEST));
  }

  /** Lines, each ended. What names in a database bring along of control characters stays out. */
  lines(lines: readonly string[]): void {
    if (this.#silent) return;
    for (const line of lines) this.#write(`${this.#clean(line)}\n`);
  }

  /** Text as it is, even where lines are silent: the document of --json, the moving line. */
  raw(text: string): void {
    this.#write(text);
  }

  #clean(line: string): string {
    // eslint-disable-next-line no-control-regex
    return (this.isTerminal ? line : stripVTControlCharacters(line)).replace(
      /[\u0000-\u0009\u000b-\u001a\u001c-\u001f\u007f]/g,
      ' ',
    );
  }
}

export class Terminal {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** The result for people; silent with --json. */
  readonly out: Sink;
  /** What goes on. */
  readonly log: Sink;
  /** Errors and questions. */
  readonly error: Sink;
  readonly live: LiveLine;
  readonly #document: Sink;

  constructor({ json, quiet, color, verbose }: TerminalOptions) {
    this.json = json;
    this.quiet = quiet;
    this.verbose = verbose;
    this.#document = new Sink(process.stdout, { color: false, silent: false });
    this.out = new Sink(process.stdout, { color, silent: json || quiet });
    this.error = new Sink(process.stderr, { color, silent: false });
    this.log = json ? new Sink(process.stderr, { color, silent: quiet }) : this.out;
    this.live = new LiveLine(this.error, this.error.isTerminal && !quiet && process.env['TERM'] !== 'dumb');
    for (const stream of [process.stdout, process.stderr]) {
      // A reader that went away (`| head`) is no reason to stop half-way through a migration.
      stream.on('error', (thrown: NodeJS.ErrnoException) => {
        if (thrown.code !== 'EPIPE' && thrown.code !== 'ERR_STREAM_DESTROYED') throw thrown;
      });
    }
    // What steps and config files print must not end up in the middle of the document.
    if (json) process.stdout.write = process.stderr.write.bind(process.stderr);
  }

  /** Somebody sits there and can be asked. */
  get canAsk(): boolean {
    return !this.json && process.stdin.isTTY && this.error.isTerminal;
  }

  /** The one document of --json. */
  document(value: unknown): void {
    this.#document.raw(`${JSON.stringify(value, plainJson, 2)}\n`);
  }

  /** Lines beside the moving one. */
  say(lines: readonly string[], sink: Sink = this.log): void {
    this.live.clear();
    sink.lines(lines);
    this.live.draw();
  }
}

/** Causes are for --verbose: they may hold anything, secrets too. */
function plainJson(key: string, value: unknown): unknown {
  if (key === 'cause') return undefined;
  return typeof value === 'bigint' ? String(value) : value;
}
