// What a step made, read off the schema's differences: its own revert may take it away again.
import type { CreatedObject } from '../events/event.js';
import type { StepObservation } from '../ports/step-transaction.js';
import type { SchemaChange } from '../schema/change.js';

/** `renamed`: what only its name is new of. */
export function createdObjects(
  changes: readonly SchemaChange[],
  renamed: StepObservation['renamed'] = [],
): CreatedObject[] {
  const isRenamed = ({ type, name, table }: CreatedObject): boolean =>
    (type === 'table' && renamed.some((one) => one.column === undefined && one.table === name)) ||
    (type === 'column' && renamed.some((one) => one.column === name && one.table === table));
  return [...made(changes), ...columnsOfRenamed(changes, renamed)].filter((object) => !isRenamed(object));
}

/** Columns that a table got together with its new name. */
function columnsOfRenamed(
  changes: readonly SchemaChange[],
  renamed: NonNullable<StepObservation['renamed']>,
): CreatedObject[] {
  const columnsOf = (kind: 'table-added' | 'table-removed', table: string): readonly string[] =>
    changes.flatMap((change) =>
      change.kind === kind && change.table === table ? change.snapshot.columns.map(({ name }) => name) : [],
    );
  return renamed
    .filter(({ column }) => column === undefined)
    .flatMap(({ table, from }) => {
      const old = new Set(columnsOf('table-removed', from));
      return columnsOf('table-added', table)
        .filter((name) => !old.has(name))
        .map((name): CreatedObject => ({ type: 'column', name, table }));
    });
}

function made(changes: readonly SchemaChange[]): CreatedObject[] {
  return changes.flatMap((change): CreatedObject[] => {
    switch (change.kind) {
      case 'table-added':
        return [{ type: 'table', name: change.table }];
      case 'column-added':
        return [{ type: 'column', name: change.column, table: change.table }];
      case 'index-added':
        return [{ type: 'index', name: change.index, table: change.table }];
      case 'view-added':
        return [{ type: 'view', name: change.view }];
      case 'trigger-added':
        return [{ type: 'trigger', name: change.trigger, table: change.table }];
      case 'check-added':
        return [{ type: 'check', name: change.check.name ?? 'check', table: change.table }];
      case 'unique-added':
        return [{ type: 'unique', name: change.unique.name ?? 'unique', table: change.table }];
      case 'foreign-key-added':
        return constraint(change.foreignKey.name, change.table);
      case 'primary-key-changed':
        return change.before === undefined ? constraint(change.after?.name, change.table) : [];
      default:
        return [];
    }
  });
}

const constraint = (name: string | undefined, table: string): CreatedObject[] =>
  name === undefined ? [] : [{ type: 'constraint', name, table }];
