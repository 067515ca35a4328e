// Why a port did not do what it was asked, where that is no error of the database.

/** A stale writer: the journal is not where the caller thought. */
export interface StaleJournal {
  readonly kind: 'stale-journal';
  readonly expected: number;
  readonly actual: number;
}

/** What was to be kept beforehand could not be. */
export interface NotKept<E> {
  readonly kind: 'not-kept';
  readonly error: E;
}
