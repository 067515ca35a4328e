// What is there behind a step that only added: asked of what it touched alone, in one statement.
import { err, ok, type Result, type ResultAsync } from 'neverthrow';
import type { QueryResult } from 'pg';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { PostgresConnection } from '../connection.js';
import { grownSchema, type TouchedRow } from '../inspect/inspector.js';
import { GROWN_SCHEMA, READ_UP_TO } from '../inspect/touched-query.js';
import { CATALOGS_FIRST } from '../settings.js';
import { LOOK_HELD, lookOf, LOOKS, type Look, type LookRow } from './look.js';
import type { Start } from './ledger.js';
import { byNumber, isOwn, relationsOf, type Relation, type RelationRow } from './relations.js';

/** The schema and the relations of a database at one moment. */
export interface Present {
  readonly relations: ReadonlyMap<number, Relation>;
  readonly schema: SchemaSnapshot;
  /** Something of the engine's own was touched. */
  readonly touchesOwn: boolean;
  /** The last command of the transaction whose work on the catalogs is in here, where that is told. */
  readonly read?: number | undefined;
}

const GROWN = `${GROWN_SCHEMA},
  ${relationsOf('SELECT oid FROM touched')} AS relations,
  ${LOOK_HELD} AS look`;

interface GrownRow extends TouchedRow {
  readonly relations: readonly RelationRow[] | null;
  readonly look: LookRow;
  readonly read: number | null;
}

/** How a step found the database: all of its relations are there still, under their names. */
interface Found extends Omit<Start, 'look'> {
  readonly schema: SchemaSnapshot;
}

/** How the transaction stands, and what is there; as it was `found` where only rows were added. */
export interface Added {
  readonly now: Look;
  readonly present: Present;
}

/** To be sent ahead of either, behind what a step has sent: what is read is what came since. */
export const sinceThen = ({ read }: Pick<Found, 'read'>): string =>
  `SELECT pg_catalog.set_config('${READ_UP_TO}', '${read ?? ''}', true)`;

/** With an empty search path, behind `sinceThen`. */
export const readGrown = (connection: PostgresConnection, found: Found): ResultAsync<Added, SqlError> =>
  connection.prepared<GrownRow>('grown_schema', GROWN).andThen(({ rows: [row] }) => grown(found, row));

/** The same behind `settle` in one message, with the search path as it is set. */
export function readAdded(
  connection: PostgresConnection,
  settle: string,
  found: Found,
  added: 'rows' | 'relations',
): ResultAsync<Added, SqlError> {
  const framed = <R extends object>(key: string, sql: string): ResultAsync<R | undefined, SqlError> => {
    const name = connection.statements.nameOf(key);
    const before = `${settle}; ${sinceThen(found)}; ${OWN_PATH}`;
    if (name !== undefined)
      // The driver gives as many results as there are statements.
      return connection
        .query(`${before}; EXECUTE ${name}; ${PATH_AS_IT_WAS}`)
        .map((done: unknown) => (done as readonly QueryResult<R>[]).at(-2)?.rows[0]);
    return connection
      .query(before)
      .andThen(() => connection.prepared<R>(key, sql))
      .andThen(({ rows: [row] }) => connection.query(PATH_AS_IT_WAS).map(() => row));
  };
  if (added === 'rows')
    return framed<LookRow>('look_held', LOOKS.held).map((row) => ({
      now: lookOf(row, 'held'),
      present: { ...found, touchesOwn: false },
    }));
  return framed<GrownRow>('grown_schema', GROWN).andThen((row) => grown(found, row));
}
const OWN_PATH = `SELECT pg_catalog.set_config('migrate_safe.path', pg_catalog.current_setting('search_path'), true), pg_catalog.set_config('search_path', '${CATALOGS_FIRST}', true)`;
const PATH_AS_IT_WAS = `SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('migrate_safe.path'), true)`;

function grown({ schema, relations, read }: Found, row: GrownRow | undefined): Result<Added, SqlError> {
  if (row === undefined) return err(NO_ROW);
  const namesOf = (touched: ReadonlySet<number>): ReadonlySet<string> =>
    new Set([...touched].flatMap((oid) => relations.get(oid)?.name ?? []));
  const now = lookOf(row.look, 'held');
  const grown = byNumber(row.relations ?? []);
  const all = new Map([...relations, ...grown]);
  const held = [...now.locks.keys()].flatMap((oid) => all.get(oid) ?? []);
  const present = {
    schema: grownSchema(schema, row, namesOf),
    relations: all,
    touchesOwn: [...held, ...grown.values()].some(isOwn),
    read: row.read ?? read,
  };
  return ok({ now, present });
}
const NO_ROW: SqlError = { kind: 'other', code: '', message: 'the server gave no row for a schema' };
