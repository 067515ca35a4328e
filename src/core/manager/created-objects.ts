// What a step made, read off the schema's differences: its own revert may take it away again.
import type { CreatedObject } from '../events/event.js';
import type { SchemaChange } from '../schema/change.js';

export function createdObjects(changes: readonly SchemaChange[]): CreatedObject[] {
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
