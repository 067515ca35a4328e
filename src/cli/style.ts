// Colour: asked of the terminal it goes to, never the only carrier of a meaning.
import { styleText } from 'node:util';

type Format = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
/** Marks up text; where colour is off, gives it back as it is. */
export type Paint = Readonly<Record<Format, (text: string) => string>>;

// Whether there is a terminal was asked already: newer Node would ask about stdout once more.
const marked =
  (format: Format) =>
  (text: string): string =>
    text === '' ? '' : styleText(format, text, { validateStream: false });
const plain = (text: string): string => text;

/** Every format, or none. */
export function paintFor(on: boolean): Paint {
  const as = (format: Format) => (on ? marked(format) : plain);
  return {
    bold: as('bold'),
    dim: as('dim'),
    red: as('red'),
    green: as('green'),
    yellow: as('yellow'),
    cyan: as('cyan'),
  };
}

/** `NO_COLOR` (https://no-color.org), `--no-color`, `TERM=dumb` and everything that is no terminal go without. */
export const wantsColour = (isTerminal: boolean, env: NodeJS.ProcessEnv, flag: boolean): boolean =>
  isTerminal && flag && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
