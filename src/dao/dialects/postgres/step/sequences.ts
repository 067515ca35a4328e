// Sequences stay where a step has moved them when it is rolled back: those that it set back would give numbers twice.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import { inOrder } from '../../../in-order.js';
import type { PostgresConnection } from '../connection.js';
import { sqlName } from '../name.js';
import type { Quiet } from './quiet.js';
import type { StatementFacts } from './statement.js';

interface Position {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** The number that was given last, as text: it may be larger than a number of JavaScript can tell. */
  readonly value: string;
  readonly ascends: boolean;
}

// The server locks a sequence to say where it is: one that somebody has for himself is not waited for, and neither is one
// that the step itself keeps from everybody.
const POSITIONS = `
  SELECT s.seqrelid::bigint AS oid, n.nspname AS schema, c.relname AS name, s.seqincrement > 0 AS ascends,
    pg_catalog.pg_sequence_last_value(s.seqrelid)::text AS value
  FROM pg_catalog.pg_sequence AS s JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE NOT s.seqcycle AND c.relpersistence <> 't'
    AND CASE WHEN pg_catalog.has_sequence_privilege(s.seqrelid, 'USAGE, SELECT') AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_locks AS l WHERE l.locktype = 'relation' AND l.relation = s.seqrelid
          AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))
      THEN pg_catalog.pg_sequence_last_value(s.seqrelid) IS NOT NULL END`;

export class SequencePositions {
  readonly #second: () => ResultAsync<PostgresConnection, SqlError>;
  #known: ReadonlyMap<number, Position> | undefined;

  /** `second`: sees what is there, whatever becomes of the transaction. */
  constructor(second: () => ResultAsync<PostgresConnection, SqlError>) {
    this.#second = second;
  }

  /** Before a statement that may set a sequence: where they are, as shortly before it as can be. */
  before({ names, verb, calls, adds }: StatementFacts, { indexes }: Quiet): ResultAsync<void, SqlError> {
    const mayHide = verb === 'DO' || calls || (!indexes && adds === undefined);
    if (!names.has('setval') && (!mayHide || this.#known !== undefined)) return okAsync(undefined);
    return this.#second()
      .andThen((other) => other.query<Position>(POSITIONS))
      .map(({ rows }) => {
        const known = new Map(this.#known);
        // What the step has set already says nothing of where it was.
        for (const one of rows) if (isFurther(one, known.get(one.oid))) known.set(one.oid, one);
        this.#known = known;
      })
      .orElse(() => okAsync(undefined));
  }

  /** Behind a rollback. What others have drawn meanwhile is theirs: nothing is moved but forwards. */
  putBack(): ResultAsync<void, never> {
    const known = [...(this.#known ?? new Map<number, Position>()).values()];
    this.#known = undefined;
    if (known.length === 0) return okAsync(undefined);
    return this.#second()
      .andThen((other) => inOrder(known, (one) => forwards(other, one)))
      .map(() => undefined)
      .orElse(() => okAsync(undefined));
  }
}

const isFurther = ({ value, ascends }: Position, known: Position | undefined): boolean =>
  known === undefined || BigInt(value) > BigInt(known.value) === ascends;

const forwards = (
  connection: PostgresConnection,
  { oid, schema, name, value, ascends }: Position,
): ResultAsync<unknown, SqlError> =>
  connection.query(
    `SELECT pg_catalog.setval($1::oid::regclass, $2::bigint) FROM ${sqlName({ schema, name })}
     WHERE last_value ${ascends ? '<' : '>'} $2::bigint OR (last_value = $2::bigint AND NOT is_called)`,
    [oid, value],
  );
