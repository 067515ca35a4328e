// Keeps the journal and its projection of one open database, and remembers the projection as it stands there.
import type { StaleJournal } from '../../core/ports/refusals.js';
import { errAsync, okAsync, type ResultAsync } from 'neverthrow';
import type { RecordedEvent, StoredEvent } from '../../core/events/envelope.js';
import type { AppliedStep } from '../../core/history/history.js';
import type { JournalHead } from '../../core/journal/chain.js';
import type { JournalGlance } from '../../core/ports/database.js';
import type { Session, SqlError } from '../../core/ports/session.js';
import { JournalDao, type JournalTables } from './journal-dao.js';
import { glanceAtRemains } from './remains.js';

interface Opening {
  readonly begin: string;
  readonly fence?: () => ResultAsync<void, SqlError>;
}

export class JournalKeeper {
  readonly #session: Session;
  readonly #tables: JournalTables;
  readonly #dao: JournalDao;
  /** Undefined where it has to be read. */
  #projected: readonly AppliedStep[] | undefined;

  constructor(session: Session, tables: JournalTables, projected?: readonly AppliedStep[]) {
    this.#session = session;
    this.#tables = tables;
    this.#dao = new JournalDao(session, tables);
    this.#projected = projected;
  }

  /** The projection as it stands in the database, to go back to where a transaction is rolled back. */
  get projected(): readonly AppliedStep[] | undefined {
    return this.#projected;
  }
  set projected(steps: readonly AppliedStep[] | undefined) {
    this.#projected = steps;
  }

  glance(): ResultAsync<JournalGlance | undefined, SqlError> {
    return this.#dao
      .glance()
      .map((glance): JournalGlance | undefined => {
        this.#projected = glance.steps;
        return glance;
      })
      .orElse((error) => {
        if (error.kind !== 'missing-object') return errAsync(error);
        this.#projected = undefined;
        return glanceAtRemains(this.#session, this.#tables);
      });
  }

  read(from: number): ResultAsync<StoredEvent[], SqlError> {
    return this.#dao.read(from).orElse((error) => (error.kind === 'missing-object' ? okAsync([]) : errAsync(error)));
  }

  /** In a transaction of its own; `begin` is the statement that begins one for writing, `fence` the first thing in it. */
  append(
    { begin, fence = () => okAsync(undefined) }: Opening,
    expected: JournalHead,
    events: readonly RecordedEvent[],
    steps?: readonly AppliedStep[],
  ): ResultAsync<void, SqlError | StaleJournal> {
    const projected = this.#projected;
    return this.#session.run(begin).andThen(() =>
      fence()
        .andThen(() => this.#dao.head())
        .andThen((head): ResultAsync<void, SqlError | StaleJournal> =>
          head.hash === expected.hash
            ? this.record(events, steps)
            : errAsync({ kind: 'stale-journal', expected: expected.position, actual: head.position }),
        )
        .andThen(() => this.#session.run('COMMIT'))
        .map(() => undefined)
        .orElse((error) =>
          this.#session
            .run('ROLLBACK')
            .orElse(() => okAsync({ changes: 0 }))
            .andThen(() => {
              this.#projected = projected;
              return errAsync(error);
            }),
        ),
    );
  }

  /** To be called inside a transaction; without `steps` the projection stays as it is. */
  record(events: readonly RecordedEvent[], steps?: readonly AppliedStep[]): ResultAsync<void, SqlError> {
    const first = events.find((event) => event.type === 'RunStarted');
    const identified =
      first?.type === 'RunStarted' ? this.#dao.identify(first.data.databaseId) : okAsync<void, SqlError>(undefined);
    return identified
      .andThen(() => this.#dao.append(events))
      .andThen(() => {
        if (steps === undefined || steps === this.#projected) return okAsync(undefined);
        const before: ResultAsync<readonly AppliedStep[], SqlError> =
          this.#projected === undefined ? this.#dao.projection() : okAsync(this.#projected);
        return before.andThen((known) => this.#dao.project(known, steps)).map(() => void (this.#projected = steps));
      });
  }
}
