// The feed passes facts on to who listens, and lets no listener stop what it listens to.
import { expect } from 'chai';
import type { RecordedEvent } from '#src/core/events/envelope.js';
import { EventFeed } from '#src/core/manager/event-feed.js';
import { completed, recorded, run, started, taken } from '../support/journal-facts.js';

const EVENTS = recorded(run('r', started('up'), taken('a'), taken('b'), completed()));
const positions = (events: readonly RecordedEvent[]): readonly number[] => events.map(({ position }) => position);
const feeding = (): {
  readonly feed: EventFeed;
  readonly errors: unknown[];
  readonly send: (...at: readonly number[]) => void;
} => {
  const errors: unknown[] = [];
  const feed = new EventFeed((thrown) => void errors.push(thrown));
  return {
    feed,
    errors,
    send: (...at) => EVENTS.filter(({ position }) => at.includes(position)).forEach((event) => feed.event(event)),
  };
};
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** What a promise has come to by now. */
const soon = async <T>(promise: Promise<T>): Promise<T | 'still waiting'> =>
  Promise.race([promise, settled().then(() => 'still waiting' as const)]);

describe('a listener', () => {
  it('hears events and progress, each of their kind, until it leaves', () => {
    const { feed, send } = feeding();
    const heard: number[] = [];
    const told: string[] = [];
    const leave = feed.onEvent(({ position }) => void heard.push(position));
    feed.onProgress(({ kind }) => void told.push(kind));
    send(1, 2);
    feed.progress({ kind: 'recorded', position: 2 });
    leave();
    send(3);
    expect([heard, told]).to.deep.equal([[1, 2], ['recorded']]);
  });

  it('that throws keeps the others from nothing, and its error goes where it was said', () => {
    const { feed, errors, send } = feeding();
    const heard: number[] = [];
    feed.onEvent(() => {
      throw new Error('mine');
    });
    feed.onEvent(({ position }) => void heard.push(position));
    send(1, 2);
    expect(heard).to.deep.equal([1, 2]);
    expect(errors).to.have.length(2);
  });

  it('that rejects later ends nothing either, and its error goes where it was said', async () => {
    const { feed, errors, send } = feeding();
    const unheard: unknown[] = [];
    const listen = (reason: unknown): void => void unheard.push(reason);
    process.on('unhandledRejection', listen);
    const late = (): unknown => settled().then(() => Promise.reject(new Error('mine')));
    feed.onEvent(late);
    send(1);
    await settled();
    await settled();
    await settled();
    process.off('unhandledRejection', listen);
    expect(unheard).to.deep.equal([]);
    expect(errors).to.have.length(1);
  });
});

describe('an iterator', () => {
  it('gives every event from its making on, also those that came while nobody was reading, and ends with the feed', async () => {
    const { feed, send } = feeding();
    send(1);
    const events = feed.iterate();
    send(2, 3);
    feed.end();
    send(4);
    const heard: RecordedEvent[] = [];
    for await (const event of events) heard.push(event);
    expect(positions(heard)).to.deep.equal([2, 3]);
  });

  it('waits for what comes', async () => {
    const { feed, send } = feeding();
    const events = feed.iterate();
    const first = events.next();
    expect(await soon(first)).to.equal('still waiting');
    send(1);
    expect(await soon(first)).to.deep.equal({ done: false, value: EVENTS[0] });
  });

  it('ends for who waits when the feed ends', async () => {
    const { feed } = feeding();
    const waiting = feed.iterate().next();
    feed.end();
    expect(await soon(waiting)).to.deep.equal({ done: true, value: undefined });
  });

  it('gives each of several waiting readers its own event', async () => {
    const { feed, send } = feeding();
    const events = feed.iterate();
    const both = [events.next(), events.next()];
    send(1, 2);
    const values = await Promise.all(both.map(soon));
    expect(values).to.deep.equal([
      { done: false, value: EVENTS[0] },
      { done: false, value: EVENTS[1] },
    ]);
  });

  it('is independent of other iterators', async () => {
    const { feed, send } = feeding();
    const [one, two] = [feed.iterate(), feed.iterate()];
    send(1);
    expect(await soon(one.next())).to.deep.equal({ done: false, value: EVENTS[0] });
    expect(await soon(two.next())).to.deep.equal({ done: false, value: EVENTS[0] });
  });

  it('listens no longer once its reader left the loop', async () => {
    const { feed, send } = feeding();
    const events = feed.iterate();
    send(1, 2);
    for await (const _ of events) break;
    send(3);
    expect(await soon(events.next().then(({ done }) => done))).to.equal(true);
  });

  it('of a feed that has ended is at its end', async () => {
    const { feed } = feeding();
    feed.end();
    expect(await soon(feed.iterate().next())).to.deep.equal({ done: true, value: undefined });
  });
});
