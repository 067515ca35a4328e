// Observations of a step for tests of the guard: nothing happened, but for what is named.
import type { StepObservation } from '#src/core/ports/step-transaction.js';
import type { SchemaSnapshot } from '#src/core/schema/snapshot.js';

const EMPTY_SCHEMA: SchemaSnapshot = {
  identifiers: 'ascii-case-insensitive',
  tables: [],
  indexes: [],
  views: [],
  triggers: [],
};

export const observed = (what: Partial<StepObservation> = {}): StepObservation => ({
  before: EMPTY_SCHEMA,
  after: EMPTY_SCHEMA,
  effects: { tables: {} },
  deletedRows: [],
  droppedTables: [],
  droppedColumns: [],
  nulledValues: [],
  brokenForeignKeys: [],
  lostObjects: [],
  reinstated: [],
  ...what,
});
