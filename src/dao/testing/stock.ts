// Copies in stock: the next ones are made, and the used ones removed, while a test works with its own.

/** What it is made with. Never asked for two things at a time. */
export interface Workshop {
  /** A new copy: its name. */
  make(): Promise<string>;
  drop(name: string): Promise<void>;
}

/** At least one of each. */
export interface Bounds {
  /** Made ahead at most. */
  readonly spares: number;
  /** Given back, and still there, at most: then one is dropped before the next is made. From the half on, when there is time. */
  readonly used: number;
}

interface Waiting {
  resolve(name: string): void;
  reject(error: unknown): void;
}

/**
 * A drop costs as much as half a copy does, and makes the copies after it slower: what is little enough waits for `close`.
 * Begins with one spare, and has twice as many each time that somebody had to wait. What fails while nobody waits is told by
 * the next call, and nothing is made ahead until then.
 */
export class Stock {
  readonly #workshop: Workshop;
  readonly #bounds: Bounds;
  /** All that there is: spares, used, and those in somebody's hands. */
  readonly #there = new Set<string>();
  readonly #spares: string[] = [];
  readonly #used: string[] = [];
  readonly #waiting: Waiting[] = [];
  #wanted = 0;
  #failures: unknown[] = [];
  #isMakingAhead = true;
  #isWorking = false;
  #working: Promise<void> | undefined;

  constructor(workshop: Workshop, bounds: Bounds) {
    this.#workshop = workshop;
    this.#bounds = bounds;
  }

  /** The name of a copy that nobody has had. */
  async take(): Promise<string> {
    this.#tell();
    this.#isMakingAhead = true;
    const spare = this.#spares.shift();
    if (spare === undefined) this.#wanted = Math.min(Math.max(1, this.#wanted * 2), this.#bounds.spares);
    const taken = spare ?? new Promise<string>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#work();
    return taken;
  }

  /** Nobody has to wait for its end. */
  giveBack(name: string): void {
    this.#used.push(name);
    this.#work();
  }

  /** Drops all that there is, also what was not given back. */
  async close(): Promise<void> {
    this.#isMakingAhead = false;
    while (this.#isWorking) await this.#working;
    this.#spares.length = 0;
    this.#used.length = 0;
    for (const name of this.#there) await this.#drop(name);
    this.#tell();
  }

  #tell(): void {
    const [failure, ...more] = this.#failures;
    this.#failures = [];
    if (more.length > 0) throw new AggregateError([failure, ...more], String(failure), { cause: failure });
    if (failure !== undefined) throw failure;
  }

  #work(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    this.#working = this.#workOff();
  }

  async #workOff(): Promise<void> {
    for (;;) {
      const most = this.#isWanted ? this.#bounds.used : this.#bounds.used / 2;
      const used = this.#used.length < most ? undefined : this.#used.shift();
      if (used !== undefined) await this.#drop(used);
      else if (this.#isWanted) await this.#make();
      else break;
    }
    // Not later: whoever asks from now on begins anew.
    this.#isWorking = false;
  }

  get #isWanted(): boolean {
    return this.#waiting.length > 0 || (this.#isMakingAhead && this.#spares.length < this.#wanted);
  }

  async #make(): Promise<void> {
    try {
      const name = await this.#workshop.make();
      this.#there.add(name);
      const first = this.#waiting.shift();
      if (first === undefined) this.#spares.push(name);
      else first.resolve(name);
    } catch (error) {
      this.#isMakingAhead = false;
      const first = this.#waiting.shift();
      if (first === undefined) this.#failures.push(error);
      else first.reject(error);
    }
  }

  /** What cannot be dropped stays, and is tried again by `close`. */
  async #drop(name: string): Promise<void> {
    try {
      await this.#workshop.drop(name);
      this.#there.delete(name);
    } catch (error) {
      this.#failures.push(error);
    }
  }
}
