// When copies are made ahead, when used ones are dropped, and who is told what failed.
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { copying } from '#src/dao/dialects/postgres/testing/copying.js';
import { Stock, type Workshop } from '#src/dao/testing/stock.js';

/** Copies c1, c2, …; `said` has what was done, in order; what is in `failing` fails. */
class Notebook implements Workshop {
  readonly said: string[] = [];
  readonly failing = new Set<string>();
  #made = 0;

  make(): Promise<string> {
    this.#made += 1;
    return this.#done(`+c${this.#made}`, `c${this.#made}`);
  }

  async drop(name: string): Promise<void> {
    await this.#done(`-${name}`, name);
  }

  async #done(what: string, name: string): Promise<string> {
    await turn();
    this.said.push(what);
    if (this.failing.has(what)) throw new Error(`${what} failed`);
    return name;
  }
}

const settled = async (): Promise<void> => {
  for (let turns = 0; turns < 50; turns += 1) await turn();
};
const outcome = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: unknown) => (error instanceof Error ? error.message : error));

describe('a stock of copies', () => {
  let workshop: Notebook;
  let stock: Stock;
  beforeEach(() => {
    workshop = new Notebook();
    stock = new Stock(workshop, { spares: 3, used: 4 });
  });

  it('makes nothing before somebody asks, then one ahead', async () => {
    await settled();
    expect(workshop.said).to.deep.equal([]);
    expect(await stock.take()).to.equal('c1');
    await settled();
    expect(workshop.said).to.deep.equal(['+c1', '+c2']);
  });

  it('keeps at one ahead while nobody has to wait', async () => {
    for (let taken = 0; taken < 6; taken += 1) {
      await stock.take();
      await settled();
    }
    expect(workshop.said).to.have.length(7);
  });

  it('has twice as many ahead each time that somebody had to wait', async () => {
    const large = new Stock(workshop, { spares: 8, used: 4 });
    const made: number[] = [];
    for (const takes of [1, 2, 3]) {
      await Promise.all(Array.from({ length: takes }, () => large.take()));
      await settled();
      made.push(workshop.said.length);
    }
    // One, three and six in hands.
    expect(made).to.deep.equal([1 + 1, 3 + 2, 6 + 4]);
  });

  it('has no more ahead than its bound', async () => {
    const taken = await Promise.all(Array.from({ length: 5 }, () => stock.take()));
    expect(taken).to.deep.equal(['c1', 'c2', 'c3', 'c4', 'c5']);
    await settled();
    expect(workshop.said).to.have.length(8);
  });

  it('leaves few used ones for the end, and drops before it makes where they are too many', async () => {
    const names = await Promise.all(Array.from({ length: 6 }, () => stock.take()));
    await settled();
    workshop.said.length = 0;
    stock.giveBack(names[0] ?? '');
    await settled();
    expect(workshop.said).to.deep.equal([]);
    for (const name of names.slice(1)) stock.giveBack(name);
    await stock.take();
    await settled();
    // Five of six at once, before the tenth copy; then down to fewer than two.
    expect(workshop.said).to.deep.equal(['-c1', '-c2', '-c3', '+c10', '-c4', '-c5']);
    await stock.close();
    expect(workshop.said.slice(6)).to.have.members(['-c6', '-c7', '-c8', '-c9', '-c10']);
  });

  it('tells a failure to who waits for the copy', async () => {
    workshop.failing.add('+c1');
    expect(await outcome(stock.take())).to.equal('+c1 failed');
    await settled();
    expect(workshop.said).to.deep.equal(['+c1']);
    expect(await stock.take()).to.equal('c2');
    await stock.close();
  });

  it('tells what failed meanwhile with the next call, once, and makes nothing ahead until then', async () => {
    workshop.failing.add('+c2');
    await stock.take();
    await settled();
    expect(workshop.said).to.deep.equal(['+c1', '+c2']);
    expect(await outcome(stock.take())).to.equal('+c2 failed');
    expect(await stock.take()).to.equal('c3');
    await stock.close();
  });

  it('tries again at the close what could not be dropped, and tells it', async () => {
    const names = [await stock.take(), await stock.take()];
    await settled();
    workshop.failing.add('-c1');
    for (const name of names) stock.giveBack(name);
    await settled();
    expect(workshop.said).to.include('-c1');
    expect(await outcome(stock.take())).to.equal('-c1 failed');
    workshop.failing.clear();
    workshop.said.length = 0;
    await stock.close();
    expect(workshop.said).to.include('-c1');
  });

  it('drops all the others where one cannot be dropped at the close', async () => {
    await stock.take();
    await settled();
    workshop.failing.add('-c1');
    expect(await outcome(stock.close())).to.equal('-c1 failed');
    expect(workshop.said).to.deep.equal(['+c1', '+c2', '-c1', '-c2']);
  });
});

describe('copies of a template database', () => {
  const MB = 1024 * 1024;
  it('are written page by page where they are small, and copied as files where they are large', () => {
    expect(copying({ bytes: 8 * MB, version: 150_020 }).strategy).to.equal(' STRATEGY WAL_LOG');
    expect(copying({ bytes: 300 * MB, version: 180_001 }).strategy).to.equal(' STRATEGY FILE_COPY');
  });

  it('leave the strategy to servers that know only one', () => {
    expect(copying({ bytes: 8 * MB, version: 140_011 }).strategy).to.equal('');
  });

  it('are fewer where they are large, and at least one', () => {
    expect(copying({ bytes: 8 * MB, version: 150_020 }).bounds).to.deep.equal({ spares: 8, used: 32 });
    expect(copying({ bytes: 200 * MB, version: 150_020 }).bounds).to.deep.equal({ spares: 2, used: 2 });
    expect(copying({ bytes: 9000 * MB, version: 150_020 }).bounds).to.deep.equal({ spares: 1, used: 1 });
  });
});
