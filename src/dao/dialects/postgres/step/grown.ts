// What is there behind a step that only added: asked of what it touched alone, in one statement.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { PostgresConnection } from '../connection.js';
import { inspectGrown } from '../inspect/inspector.js';
import type { Look } from './look.js';
import { byNumber, relationsOf, type Relation, type RelationRow } from './relations.js';

/** The schema and the relations of a database at one moment. */
export interface Present {
  readonly relations: ReadonlyMap<number, Relation>;
  readonly schema: SchemaSnapshot;
  /** Something of the engine's own was touched. */
  readonly touchesOwn: boolean;
}

const COLUMNS = `
  ${relationsOf('SELECT oid FROM touched')} AS relations,
  EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid IN (SELECT oid FROM touched) AND n.nspname IN ('migrate_safe', 'migrate_safe_backup')) AS own`;

interface GrownRow {
  readonly relations: readonly RelationRow[] | null;
  readonly own: boolean;
}

/** `relations`: as the step found them, all of which are there, under their names. */
export function readGrown(
  connection: PostgresConnection,
  before: SchemaSnapshot,
  relations: ReadonlyMap<number, Relation>,
  { locks }: Look,
): ResultAsync<Present, SqlError> {
  const namesOf = (touched: ReadonlySet<number>): ReadonlySet<string> =>
    new Set([...touched].flatMap((oid) => relations.get(oid)?.name ?? []));
  return inspectGrown<GrownRow>(connection, before, { relations: [...locks.keys()], namesOf }, COLUMNS).map(
    ({ schema, row }) => ({
      schema,
      relations: new Map([...relations, ...byNumber(row.relations ?? [])]),
      touchesOwn: row.own,
    }),
  );
}
