// Code under a deadline ends as a value, whatever it does: throws, hangs, or answers too late.
import { expect } from 'chai';
import { underDeadline } from '#src/core/manager/deadline.js';

const never = (): Promise<void> => new Promise(() => undefined);
const idle = new AbortController().signal;

describe('underDeadline', () => {
  it('gives what the work gives, at once or later', async () => {
    expect((await underDeadline(() => 7, 1000, idle))._unsafeUnwrap()).to.equal(7);
    expect((await underDeadline(() => Promise.resolve('x'), 1000, idle))._unsafeUnwrap()).to.equal('x');
    expect((await underDeadline(() => undefined, 1000, idle))._unsafeUnwrap()).to.equal(undefined);
  });

  it('gives what the work throws, an Error or not', async () => {
    for (const thrown of [new Error('no'), 'text', undefined, null, 0]) {
      const sync = await underDeadline(
        () => {
          throw thrown;
        },
        1000,
        idle,
      );
      expect(sync._unsafeUnwrapErr()).to.deep.equal({ kind: 'threw', thrown });
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- that is what is tested
      expect((await underDeadline(() => Promise.reject(thrown), 1000, idle))._unsafeUnwrapErr()).to.deep.equal({
        kind: 'threw',
        thrown,
      });
    }
  });

  it('waits for anything that has a then, as await does', async () => {
    const thenable: PromiseLike<number> = { then: (resolve) => Promise.resolve(3).then(resolve) };
    expect((await underDeadline(() => thenable, 1000, idle))._unsafeUnwrap()).to.equal(3);
  });

  it('ends when the time is up', async () => {
    expect((await underDeadline(never, 5, idle))._unsafeUnwrapErr()).to.deep.equal({ kind: 'timed-out' });
  });

  it('waits as long as it was told, also longer than a timer can be set for', async () => {
    for (const ms of [2 ** 31, 30 * 24 * 3_600_000, Number.POSITIVE_INFINITY]) {
      const result = await underDeadline(() => new Promise((resolve) => setTimeout(resolve, 10, 'done')), ms, idle);
      expect(result.isOk(), String(ms)).to.equal(true);
    }
  });

  it('ends when the run is cancelled', async () => {
    const { signal, abort } = controlled();
    const result = underDeadline(never, 1000, signal);
    abort();
    expect((await result)._unsafeUnwrapErr()).to.deep.equal({ kind: 'aborted' });
  });

  it('begins nothing when the run was cancelled before', async () => {
    const { signal, abort } = controlled();
    abort();
    let begun = false;
    const result = await underDeadline(() => (begun = true), 1000, signal);
    expect(result._unsafeUnwrapErr()).to.deep.equal({ kind: 'aborted' });
    expect(begun).to.equal(false);
  });

  it('does not care for what late work does: it may reject without being heard', async () => {
    const unheard: unknown[] = [];
    const listen = (reason: unknown): void => void unheard.push(reason);
    process.on('unhandledRejection', listen);
    const late = (): Promise<void> => new Promise((_, reject) => setTimeout(reject, 8, new Error('late')));
    expect((await underDeadline(late, 1, idle)).isErr()).to.equal(true);
    await new Promise((resolve) => setTimeout(resolve, 15));
    process.off('unhandledRejection', listen);
    expect(unheard).to.deep.equal([]);
  });

  it('leaves no listener behind', async () => {
    const { signal, abort, listeners } = controlled();
    void (await underDeadline(() => 1, 60_000, signal));
    expect(listeners()).to.equal(0);
    abort();
  });
});

/** A signal that counts those who listen to it. */
function controlled(): { readonly signal: AbortSignal; readonly abort: () => void; readonly listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>): void => {
    count++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
    count--;
    remove(...args);
  };
  return { signal, abort: () => controller.abort(), listeners: () => count };
}
