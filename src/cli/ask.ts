// A question to whoever sits there; only a command that asks one loads what draws it.
import type { Readable, Writable } from 'node:stream';

export interface Question {
  readonly message: string;
  readonly initialValue?: string;
  /** What is wrong with an answer; nothing where it will do. */
  readonly validate?: (answer: string | undefined) => string | undefined;
  readonly signal?: AbortSignal;
  readonly colour: boolean;
}

export interface Seat {
  readonly input: Readable;
  readonly output: Writable;
}

/** The answer; undefined where there is none: Ctrl-C, Ctrl-D, a terminal that went away, or `signal`. */
export async function askText(
  { message, initialValue, validate, signal, colour }: Question,
  { input, output }: Seat = { input: process.stdin, output: process.stderr },
): Promise<string | undefined> {
  // What draws the question knows no other way to go without.
  if (!colour) process.env['NO_COLOR'] = '1';
  const { text, isCancel } = await import('@clack/prompts');
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  // At the end of its input the question would wait for ever, and the process end with it.
  const onKey = (_text: unknown, key?: { readonly name?: string; readonly ctrl?: boolean }): void => {
    if (key?.ctrl === true && key.name === 'd') leave();
  };
  input.on('keypress', onKey).on('end', leave).on('close', leave);
  try {
    const answer = await text({
      message,
      input,
      output,
      withGuide: false,
      signal: signal === undefined ? gone.signal : AbortSignal.any([signal, gone.signal]),
      ...(initialValue === undefined ? {} : { initialValue }),
      ...(validate === undefined ? {} : { validate }),
    });
    return isCancel(answer) ? undefined : answer;
  } finally {
    input.off('keypress', onKey).off('end', leave).off('close', leave);
  }
}
