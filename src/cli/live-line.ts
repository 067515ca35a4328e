// The one line at the bottom that moves while something goes on; on anything but a terminal there is none.
import { truncate } from './format.js';
import type { Paint } from './style.js';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
/** What is over before this is not shown: a line that flashes tells nobody anything. */
const PATIENCE_MS = 150;

/** What the line is drawn on. */
export interface Canvas {
  readonly paint: Paint;
  readonly width: number;
  raw(text: string): void;
}

/** Off, it does nothing. */
export class LiveLine {
  readonly #sink: Canvas;
  readonly #on: boolean;
  #text: ((width: number) => string) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #since = 0;
  #shown = false;
  #frame = 0;

  constructor(sink: Canvas, on: boolean) {
    this.#sink = sink;
    this.#on = on;
  }

  get on(): boolean {
    return this.#on;
  }

  /** `text` is asked again for each drawing, so that times go on. */
  set(text: (width: number) => string): void {
    if (!this.#on) return;
    if (this.#text === undefined) this.#since = performance.now();
    this.#text = text;
    this.#timer ??= setInterval(() => this.draw(), FRAME_MS).unref();
  }

  end(): void {
    this.clear();
    this.#text = undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  clear(): void {
    if (this.#shown) this.#sink.raw('\r\u001b[2K');
    this.#shown = false;
  }

  draw(): void {
    if (this.#text === undefined || performance.now() - this.#since < PATIENCE_MS) return;
    this.#frame = (this.#frame + 1) % FRAMES.length;
    const { paint, width } = this.#sink;
    const text = truncate(this.#text(width - 4), width - 4);
    this.#sink.raw(`\r\u001b[2K  ${paint.cyan(FRAMES[this.#frame] ?? '·')} ${text}`);
    this.#shown = true;
  }
}
