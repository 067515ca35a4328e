// Statements one after the other, each of them made while the database is at the one before.
import { setTimeout } from 'node:timers/promises';
import { err, ok, type Result, type ResultAsync } from 'neverthrow';
import type { Script } from './app/flavour.js';

/** Makes the next one; undefined behind the last. */
export type Making<E> = () => Result<Script | undefined, E>;

/** Gives the sum of what `send` gives. The first that fails, to be made or in the database, is the last that is sent. */
export function sendMany<E>(
  next: Making<E>,
  send: (script: Script) => ResultAsync<number, E>,
): Promise<Result<number, E>> {
  const from = async (made: Result<Script | undefined, E>, sum: number): Promise<Result<number, E>> => {
    if (made.isErr()) return err(made.error);
    if (made.value === undefined) return ok(sum);
    const sent = send(made.value);
    // By then it is at work: a driver may prepare it first, and come back to this thread before it runs it.
    await setTimeout(1);
    const following = next();
    const done = await sent;
    return done.isErr() ? done : from(following, sum + done.value);
  };
  return from(next(), 0);
}
