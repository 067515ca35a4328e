// Colour: asked of the terminal it goes to, never the only carrier of a meaning.
import { styleText } from 'node:util';

/** Marks up text; where colour is off, gives it back as it is. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}
type Format = keyof Paint;

const FORMATS: readonly Format[] = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'];
// Whether there is a terminal was asked already: newer Node would ask about stdout once more.
const marked =
  (format: Format) =>
  (text: string): string =>
    text === '' ? '' : styleText(format, text, { validateStream: false });
const plain = (text: string): string => text;

/** Every format, or none. */
export const paintFor = (on: boolean): Paint =>
  Object.fromEntries(FORMATS.map((format) => [format, on ? marked(format) : plain])) as unknown as Paint;

/** `NO_COLOR` (https://no-color.org), `--no-color`, `TERM=dumb` and everything that is no terminal go without. */
export const wantsColour = (isTerminal: boolean, env: NodeJS.ProcessEnv, flag: boolean): boolean =>
  isTerminal && flag && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
