// An application beside a run, in a process of its own: writes all the time, and says how long its longest write took.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('./writer-child.js', import.meta.url));

/** In milliseconds. */
export interface Waits {
  readonly longest: number;
  readonly writes: number;
}

/** The writes that another process made of `sql` while `work` went on; it began before and ended after. */
export async function writing(url: string, sql: string, work: () => PromiseLike<unknown>): Promise<Waits> {
  const child = spawn(process.execPath, [CHILD, url, sql], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said: Buffer[] = [];
  let begun = (): void => undefined;
  const ready = new Promise<void>((resolve) => (begun = resolve));
  child.stdout.on('data', (chunk: Buffer) => {
    said.push(chunk);
    begun();
  });
  const ended = once(child, 'close');
  await Promise.race([ready, ended]);
  try {
    await work();
  } finally {
    child.stdin.end();
    await ended;
  }
  const [, last = ''] = Buffer.concat(said).toString().trim().split('\n');
  if (last === '') throw new Error('the writer failed: what it waited is not known');
  return JSON.parse(last) as Waits;
}
