// Which statements the server refuses in a transaction (its PreventInTransactionBlock, versions 13 to 18), read off the parse tree.
import type { DefElem, RangeVar } from 'libpg-query';
import type { OutsideTransaction } from '../../../../core/ports/script-splitter.js';
import type { OutsideAction, WrittenName, StatementFacts } from './facts.js';
import type { Node } from './parser.js';

type Outside = Pick<StatementFacts, 'outside' | 'action'>;

export const REPEATABLE: OutsideTransaction = { needed: 'must', losesNothing: true, repeatable: true };
export const ONCE: OutsideTransaction = { needed: 'must', losesNothing: true, repeatable: false };
export const LOSING: OutsideTransaction = { needed: 'must', losesNothing: false, repeatable: false };
/** A detached partition keeps its rows, but its parent has them no more. */
export const DETACHING: OutsideTransaction = { needed: 'must', losesNothing: false, repeatable: true };
export const EITHER: OutsideTransaction = { needed: 'may', losesNothing: true, repeatable: true };

const repeatable = (action?: OutsideAction): Outside => ({ outside: REPEATABLE, ...(action ? { action } : {}) });

/** Undefined for a statement that belongs into a transaction. */
export function outsideOf(node: Node): Outside | undefined {
  if ('IndexStmt' in node) return node.IndexStmt.concurrent === true ? createIndex(node.IndexStmt) : undefined;
  if ('DropStmt' in node) return node.DropStmt.concurrent === true ? dropIndex(node.DropStmt.objects) : undefined;
  if ('ReindexStmt' in node) return reindex(node.ReindexStmt);
  if ('AlterTableStmt' in node) return detachPartition(node.AlterTableStmt);
  if ('VacuumStmt' in node) return { outside: node.VacuumStmt.is_vacuumcmd === true ? REPEATABLE : EITHER };
  // One table can be clustered in a transaction, all of them not.
  if ('ClusterStmt' in node) return node.ClusterStmt.relation === undefined ? repeatable() : undefined;
  if ('AlterSystemStmt' in node) return repeatable();
  if ('DiscardStmt' in node) return node.DiscardStmt.target === 'DISCARD_ALL' ? repeatable() : undefined;
  if ('TransactionStmt' in node) {
    const { kind } = node.TransactionStmt;
    return kind === 'TRANS_STMT_COMMIT_PREPARED' || kind === 'TRANS_STMT_ROLLBACK_PREPARED'
      ? { outside: LOSING }
      : undefined;
  }
  // SET LOCAL and SET TRANSACTION mean nothing outside.
  if ('VariableSetStmt' in node) {
    const { is_local: isLocal, name = '' } = node.VariableSetStmt;
    return isLocal === true || /^(?:SESSION CHARACTERISTICS|TRANSACTION)\b/.test(name)
      ? undefined
      : { outside: EITHER };
  }
  if ('VariableShowStmt' in node || 'CheckPointStmt' in node) return { outside: EITHER };
  return ofTheCluster(node) ?? ofSubscriptions(node);
}

function ofTheCluster(node: Node): Outside | undefined {
  if ('CreatedbStmt' in node || 'CreateTableSpaceStmt' in node || 'DropTableSpaceStmt' in node)
    return { outside: ONCE };
  if ('DropdbStmt' in node) return { outside: LOSING };
  if ('AlterDatabaseStmt' in node)
    return optionsOf(node.AlterDatabaseStmt.options).some(({ defname }) => defname === 'tablespace')
      ? repeatable()
      : undefined;
  return undefined;
}

// https://www.postgresql.org/docs/current/sql-createsubscription.html, -altersubscription, -dropsubscription
function ofSubscriptions(node: Node): Outside | undefined {
  if ('CreateSubscriptionStmt' in node) {
    const options = optionsOf(node.CreateSubscriptionStmt.options);
    return isOff(options, 'connect') || isOff(options, 'create_slot') ? undefined : { outside: ONCE };
  }
  if ('AlterSubscriptionStmt' in node) {
    const { kind, options } = node.AlterSubscriptionStmt;
    const set = optionsOf(options);
    const refreshes =
      kind === 'ALTER_SUBSCRIPTION_REFRESH' ||
      ((kind === 'ALTER_SUBSCRIPTION_SET_PUBLICATION' ||
        kind === 'ALTER_SUBSCRIPTION_ADD_PUBLICATION' ||
        kind === 'ALTER_SUBSCRIPTION_DROP_PUBLICATION') &&
        !isOff(set, 'refresh'));
    const talksToThePublisher = set.some(({ defname }) => defname === 'failover' || defname === 'two_phase');
    return { outside: refreshes || talksToThePublisher ? REPEATABLE : EITHER };
  }
  return 'DropSubscriptionStmt' in node ? { outside: LOSING } : undefined;
}

function createIndex({ relation, idxname, if_not_exists: ifNotExists }: IndexTree): Outside {
  const table = nameOf(relation);
  if (table === undefined) return repeatable();
  const named = idxname === undefined || idxname === '' ? {} : { name: idxname };
  return repeatable({ kind: 'create-index', table, ...named, ifNotExists: ifNotExists === true });
}
type IndexTree = Extract<Node, { IndexStmt: unknown }>['IndexStmt'];

/** The server drops one index at a time so, and refuses more. */
function dropIndex(objects: readonly Node[] = []): Outside {
  const index = nameIn(objects.at(0));
  return index === undefined || objects.length > 1 ? repeatable() : repeatable({ kind: 'drop-index', index });
}

function reindex({ kind, relation, params }: ReindexTree): Outside | undefined {
  const concurrently = optionsOf(params).some((option) => option.defname === 'concurrently' && isOn(option));
  const scope = kind === 'REINDEX_OBJECT_INDEX' ? 'index' : kind === 'REINDEX_OBJECT_TABLE' ? 'table' : 'database';
  if (!concurrently) return scope === 'database' ? repeatable() : undefined;
  if (scope === 'database') return repeatable({ kind: 'reindex', scope });
  const of = nameOf(relation);
  return of === undefined ? repeatable() : repeatable({ kind: 'reindex', scope, of });
}
type ReindexTree = Extract<Node, { ReindexStmt: unknown }>['ReindexStmt'];

/** FINALIZE, which ends a detaching that was interrupted, may be in a transaction. */
function detachPartition({ relation, cmds = [] }: AlterTree): Outside | undefined {
  for (const node of cmds) {
    const command = 'AlterTableCmd' in node ? node.AlterTableCmd : undefined;
    const detail = command?.def !== undefined && 'PartitionCmd' in command.def ? command.def.PartitionCmd : undefined;
    if (command?.subtype !== 'AT_DetachPartition' || detail?.concurrent !== true) continue;
    const [parent, partition] = [nameOf(relation), nameOf(detail.name)];
    return parent === undefined || partition === undefined
      ? { outside: DETACHING }
      : { outside: DETACHING, action: { kind: 'detach-partition', parent, partition } };
  }
  return undefined;
}
type AlterTree = Extract<Node, { AlterTableStmt: unknown }>['AlterTableStmt'];

function nameOf(relation: RangeVar | undefined): WrittenName | undefined {
  if (relation?.relname === undefined) return undefined;
  const { schemaname: schema, relname: name } = relation;
  return schema === undefined || schema === '' ? { name } : { schema, name };
}

/** The name in a list of its parts. */
function nameIn(node: Node | undefined): WrittenName | undefined {
  const items = node !== undefined && 'List' in node ? (node.List.items ?? []) : [];
  const parts = items.flatMap((item) => ('String' in item ? [item.String.sval ?? ''] : []));
  const [name, schema] = [parts.at(-1), parts.at(-2)];
  if (name === undefined) return undefined;
  return schema === undefined ? { name } : { schema, name };
}

const optionsOf = (options: readonly Node[] = []): readonly DefElem[] =>
  options.flatMap((option) => ('DefElem' in option ? [option.DefElem] : []));

/** An option by itself is on. */
const valueOf = ({ arg }: DefElem): string => {
  if (arg === undefined) return 'true';
  if ('String' in arg) return (arg.String.sval ?? '').toLowerCase();
  if ('Boolean' in arg) return String(arg.Boolean.boolval === true);
  // A word that is no keyword is taken for the name of a type.
  if ('TypeName' in arg)
    return (arg.TypeName.names ?? []).map((part) => ('String' in part ? part.String.sval : '')).join('.');
  return 'Integer' in arg ? String(arg.Integer.ival ?? 0) : '';
};
const OFF: ReadonlySet<string> = new Set(['false', 'off', '0', 'f', 'no']);
const isOn = (option: DefElem): boolean => !OFF.has(valueOf(option));
const isOff = (options: readonly DefElem[], name: string): boolean =>
  options.some((option) => option.defname === name && !isOn(option));
