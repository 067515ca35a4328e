// Which tables a step may change: by what it declares, by the words of its statements, and by all that hangs on them.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { Declarations, StepWork } from '../../../../core/steps/migration-step.js';
import { historyTableOf } from '../../../history-tables.js';
import type { PostgresConnection } from '../connection.js';
import type { QualifiedName } from '../name.js';
import { tablesAtReach, type Graph, type Known, type Relation } from './graph.js';
import type { KnownGraph } from './known-graph.js';
import { isAnyNamed } from './read-graph.js';
import { NO_REACH, reachOf } from './statement-names.js';

/** Code may do anything, unless it says what it touches. What a script touches besides its own words it can say too. */
export function knownOf(work: StepWork, declares: Declarations): Known {
  const { touches, mayLoseRows = [], mayDrop = [], mayNull = [] } = declares;
  const declared = [...(touches ?? []), ...mayLoseRows, ...mayDrop, ...mayNull];
  const isComplete = touches !== undefined;
  if (typeof work !== 'function') return { reach: reachOf(work), declared, isComplete };
  return { reach: { ...NO_REACH, anything: true, truncates: true }, declared, isComplete };
}

/**
 * Tables with rows of their own: of a partitioned one its partitions. `schema`: what the database is known to have been
 * just before; undefined where that is not known.
 */
export function touchedBy(
  connection: PostgresConnection,
  graphs: KnownGraph,
  schema: SchemaSnapshot | undefined,
  work: StepWork,
  declares: Declarations,
): ResultAsync<readonly QualifiedName[], SqlError> {
  const known = knownOf(work, declares);
  const { changes, mentions, anything } = known.reach;
  const atReach = (graph: Graph): readonly Relation[] =>
    tablesAtReach(graph, known, (table) => historyTableOf(table) !== undefined);
  const graph = graphs.of(schema);
  if (graph !== undefined) return okAsync(atReach(graph));
  const isOpen = anything || known.declared.length > 0 || typeof work === 'function';
  const looked = isOpen ? okAsync(true) : isAnyNamed(connection, [...changes, ...mentions]);
  return looked.andThen((found) => (found ? graphs.read(connection, schema).map(atReach) : okAsync([])));
}
