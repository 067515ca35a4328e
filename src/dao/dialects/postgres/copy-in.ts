// `COPY … FROM STDIN` through the driver, which leaves the copying itself to what it is given.
// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { ResultAsync } from 'neverthrow';
import type { Client, Submittable } from 'pg';
import type { SqlError } from '../../../core/ports/session.js';

/** Resolves when the server is ready for more. */
export type Send = (bytes: Buffer) => Promise<void>;
export type Feed = (send: Send) => ResultAsync<void, SqlError>;

/** Why there was nothing more to send. */
export class Unfed extends Error {
  readonly error: SqlError;

  constructor(error: SqlError) {
    super(error.message);
    this.error = error;
  }
}

/** What the driver gives besides what its types say. */
interface Wire {
  readonly stream: Duplex;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
}

/** Gives the server what `feed` sends; where `feed` fails, so does the statement: `Unfed`. Gives the rows that were taken. */
export async function copyIn(client: Client, sql: string, feed: Feed): Promise<number> {
  const copy = client.query(new CopyIn(sql, feed));
  try {
    return await copy.answered;
  } finally {
    await copy.fed;
  }
}

class CopyIn implements Submittable {
  readonly answered: Promise<number>;
  /** The driver may put its own around it, for its time limit. */
  callback: (error: unknown) => void = () => undefined;
  /** What feeds has ended, well or not. */
  fed: Promise<void> = Promise.resolve();
  readonly #sql: string;
  readonly #feed: Feed;
  readonly #over: Promise<unknown>;
  #isOver = false;
  #failure: Unfed | undefined;
  #rows = 0;

  constructor(sql: string, feed: Feed) {
    this.#sql = sql;
    this.#feed = feed;
    this.answered = new Promise((resolve, reject) => {
      this.callback = (error) => {
        this.#isOver = true;
        // The server only repeats why it was not fed any more.
        if (this.#failure) reject(this.#failure);
        else if (error) reject(error);
        else resolve(this.#rows);
      };
    });
    this.#over = this.answered.catch(() => undefined);
  }

  submit(connection: { query(text: string): void }): void {
    connection.query(this.#sql);
  }

  handleCopyInResponse(wire: Wire): void {
    this.fed = this.#feed((bytes) => this.#send(wire, bytes)).match(
      () => wire.endCopyFrom(),
      (error) => {
        // Where the server refused, nothing was sent any more because of that.
        if (!this.#isOver) this.#failure = new Unfed(error);
        wire.sendCopyFail('there is no more');
      },
    );
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#rows = Number(/^COPY (\d+)$/.exec(text)?.[1] ?? 0);
  }

  handleReadyForQuery(): void {
    this.callback(null);
  }

  handleError(error: unknown): void {
    this.callback(error);
  }

  async #send(wire: Wire, bytes: Buffer): Promise<void> {
    if (!this.#isOver) wire.sendCopyFromChunk(bytes);
    if (wire.stream.writableNeedDrain) await Promise.race([once(wire.stream, 'drain'), this.#over]);
    if (this.#isOver) throw new Error('the server takes no more');
  }
}
