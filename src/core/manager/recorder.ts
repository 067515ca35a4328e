// The recorder: the one place where state changes. Commands go to the decider, its facts are linked to the head, buffered, and written.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { MigrateError } from '../errors/migrate-error.js';
import type { RecordedEvent } from '../events/envelope.js';
import { evolve, type AppliedStep, type History } from '../history/history.js';
import { link, type JournalHead } from '../journal/chain.js';
import type { OpenDatabase } from '../ports/database.js';
import type { SqlError } from '../ports/session.js';
import type { Command } from '../steps/run-command.js';
import { decide } from '../steps/run-decider.js';
import { fromSql, fromStore } from './as-error.js';
import type { ManagerPorts } from './ports.js';
import { appendSettled } from './settle-commit.js';

/** A point that the recorder can go back to, as long as nothing after it was written. */
export interface Mark {
  readonly history: History;
  readonly head: JournalHead;
  readonly pending: readonly RecordedEvent[];
}

export class Recorder {
  readonly runId: string;
  readonly #ports: Pick<ManagerPorts, 'clock' | 'actor' | 'mirror' | 'observer'>;
  readonly #component: string;
  #history: History;
  /** Where the journal ends as it is written. */
  #written: JournalHead;
  #head: JournalHead;
  #pending: readonly RecordedEvent[] = [];
  #mirrored: 'in-step' | 'left-behind' = 'in-step';

  constructor(runId: string, ports: ManagerPorts, component: string, history: History, head: JournalHead) {
    this.runId = runId;
    this.#ports = ports;
    this.#component = component;
    this.#history = history;
    this.#written = head;
    this.#head = head;
  }

  get history(): History {
    return this.#history;
  }

  get head(): JournalHead {
    return this.#head;
  }

  /** Where the journal ends in the database: what is buffered comes after it. */
  get writtenHead(): JournalHead {
    return this.#written;
  }

  /** Decides and buffers. A refusal is a bug of the engine: the plan was made from the same history. */
  record(command: Command): void {
    const decided = decide(this.#history, command, this.#component);
    if (decided.isErr()) throw new Error(`the run may not ${command.type}: ${JSON.stringify(decided.error)}`);
    const recording = {
      runId: this.runId,
      component: this.#component,
      recordedAt: this.#ports.clock.now().toISOString(),
      actor: this.#ports.actor,
    };
    const events = link(this.#head, recording, decided.value);
    this.#history = events.reduce(evolve, this.#history);
    this.#pending = [...this.#pending, ...events];
    const last = events.at(-1);
    if (last) this.#head = { position: last.position, hash: last.hash };
  }

  mark(): Mark {
    return { history: this.#history, head: this.#head, pending: this.#pending };
  }

  /** Forgets what was buffered since: a transaction was rolled back. */
  rewind(mark: Mark): void {
    this.#history = mark.history;
    this.#head = mark.head;
    this.#pending = mark.pending;
  }

  /** Writes what is buffered in a transaction of its own. */
  flush(database: OpenDatabase, doing: string): ResultAsync<void, MigrateError> {
    if (this.#pending.length === 0) return okAsync(undefined);
    return appendSettled(database, this.#written, this.#pending, this.#history.steps)
      .mapErr((error) => fromSql(error, database.info.label, doing))
      .andThen(() => this.written());
  }

  /** Has somebody else write what is buffered (a step's transaction, a copy aside) and commit it. */
  flushThrough(
    write: (events: readonly RecordedEvent[], steps: readonly AppliedStep[]) => ResultAsync<void, SqlError>,
  ): ResultAsync<void, SqlError> {
    return write(this.#pending, this.#history.steps);
  }

  /** What is buffered and what it leads to, for a writer that takes data. */
  buffered(): { readonly events: readonly RecordedEvent[]; readonly steps: readonly AppliedStep[] } {
    return { events: this.#pending, steps: this.#history.steps };
  }

  /** To be called once the buffered events are committed where somebody else mirrors them: tells the listeners. */
  told(): void {
    const events = this.#pending;
    this.#pending = [];
    this.#written = this.#head;
    for (const event of events) this.#ports.observer.event(event);
  }

  /** To be called once the buffered events are committed: mirrors them and tells the listeners. */
  written(): ResultAsync<void, MigrateError> {
    const events = this.#pending;
    this.#pending = [];
    this.#written = this.#head;
    const id = this.#history.databaseId;
    // The events themselves are committed: "unchanged" would mislead.
    const failed = (error: Parameters<typeof fromStore>[0]): MigrateError => {
      this.#mirrored = 'left-behind';
      return { ...fromStore(error), state: 'needs-attention' };
    };
    // Behind a gap nothing is added: a mirror that ends early is caught up by the next run, one with a hole is broken.
    const mirrored =
      id === undefined || this.#mirrored === 'left-behind'
        ? okAsync<void, MigrateError>(undefined)
        : this.#ports.mirror.append(id, events).mapErr(failed);
    return mirrored.map(() => {
      for (const event of events) this.#ports.observer.event(event);
    });
  }
}
