// What a test needs of the machine, and may not get: a failure in CI, and said loudly elsewhere.
import type { Context } from 'mocha';

export function skipWithout(test: Context, right: string): never {
  if (process.env['CI']) throw new Error(`CI must have ${right}: without it this test proves nothing`);
  process.stderr.write(`      SKIPPED: no ${right} here\n`);
  return test.skip();
}
